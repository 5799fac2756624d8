"""The commands of the command line, one module each.

A module has ``HELP`` (one line), ``add_arguments(parser)`` and ``execute(args)``; results go to stdout,
progress to stderr, bad input is raised as UserError.
"""
