"""The parts of the interop ring that are shared by its runner and its Python programs."""
