"""The version of engine and add-on, which are released together; the add-on's manifest and bl_info repeat it."""

__version__ = "0.1.0"
