#!/usr/bin/env python
from service_kit.command_line import main

if __name__ == "__main__":
    main("hotel.settings")
