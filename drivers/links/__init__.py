"""Links: the only code that touches sockets and serial ports of devices."""
