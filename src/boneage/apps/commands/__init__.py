"""The commands, a module for each kind: a command parses its options, calls one function and prints the result."""
