"""The web page: layout and event wiring; what it shows is computed elsewhere."""
