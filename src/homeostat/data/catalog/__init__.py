"""Which versions there are, by name, number, tag and branch; what a command that reads no rows needs, and no library of tables."""
