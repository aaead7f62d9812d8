"""Holds a saga's participant against its rules by HTTP alone."""
