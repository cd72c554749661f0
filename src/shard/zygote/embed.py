#!/usr/bin/env python3
"""Writes the bytes of a program as the initialiser of a C++ array."""
import sys

with open(sys.argv[1], "rb") as program:
    data = program.read()
with open(sys.argv[2], "w", encoding="ascii") as out:
    for start in range(0, len(data), 24):
        out.write("".join(f"{byte}," for byte in data[start : start + 24]) + "\n")
