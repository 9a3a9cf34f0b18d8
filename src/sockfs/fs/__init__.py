"""Descriptors and files: the file table, read and write, poll, select, epoll, pipes."""
