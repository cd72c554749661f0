#!/usr/bin/env python3
import os, a.b as c
from . import (x,
  y as z)
from ..q import *
"""import no"""
try: import j
except: r'\'
