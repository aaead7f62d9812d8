"""What a traveller finds: places, flights, connections, fares and seats."""
