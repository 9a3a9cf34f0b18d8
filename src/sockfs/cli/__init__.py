"""The command line. `main` finds the subcommands, each stands in a file of its own and is imported only when
asked for."""
