"""What operators see and do: the console's API, metrics, traces, repairs after a restore."""
