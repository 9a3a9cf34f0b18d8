"""How tasks run and wait: real time with threads, virtual time with greenlets, and the swap that puts them
under a program."""
