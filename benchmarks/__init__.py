"""fleetcache beside its Python peers, all contestants in turn within one run.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks hit            # one of them; --quick for a smoke run
    python -m benchmarks all            # every one, and docs/benchmarks.md written anew

`peers` has one function for each contestant, `ours` the one for fleetcache; a benchmark takes
contestants by name, and knows nothing about any of them.
"""
