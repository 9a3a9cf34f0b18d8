"""Proof that nothing cheats: a program that opens an Internet socket of the host's is stopped on the spot."""

import os
import sys


def hook(event, args):
    if event == "socket.__new__" and args[1] in (2, 10):
        os.write(2, b"guard: a socket of the host's was made\n")
        os._exit(99)


sys.addaudithook(hook)
