"""The benchmark's runner: what `bench/run` is made of."""
