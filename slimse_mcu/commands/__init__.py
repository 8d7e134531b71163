"""The verbs of ``slimse``, one file each.

A module here with a ``command`` (a ``click.Command``) is the command of the module's name; there is no list.  Heavy
imports stand inside the functions, so that ``slimse --help``, which imports every module here, answers at once.
"""
