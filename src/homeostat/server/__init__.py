"""The server: pages and API behind one port, with what protects them."""
