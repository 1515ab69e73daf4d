"""A world to try things on: a synthesised music library and the log of simulated listeners."""

from data.demo.catalogue import REFERENCE_TIME, DemoSize
from data.demo.world import DemoWorld, write_demo_world

__all__ = ["REFERENCE_TIME", "DemoSize", "DemoWorld", "write_demo_world"]
