"""What the C library is to a program: the layer between Python's modules and the system calls."""
