"""How good an order is after 30, 50, 100 and 200 answers: ours, sorting alone, insertion and pairs at random.

``python -m tests.benchmarks.bench_pair_selection``: mean Kendall tau over 12 simulated sites, by number of images.
"""

import numpy as np

from tests.models.science.answered_pairs import Site, ask, at_random, insertion, ours, sorting_alone

BUDGETS = (30, 50, 100, 200)


def main() -> None:
    print("images  choice         " + "  ".join(f"{budget:>5}" for budget in BUDGETS))
    for n in (24, 60, 120):
        for choose in (at_random, insertion, sorting_alone, ours):
            taus = np.mean([ask(Site(n, seed), choose, BUDGETS) for seed in range(12)], axis=0)
            print(f"{n:6}  {choose.__name__:13}  " + "  ".join(f"{tau:5.2f}" for tau in taus), flush=True)


if __name__ == "__main__":
    main()
