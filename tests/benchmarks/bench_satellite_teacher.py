"""How often the satellite's weak statements are right, on simulated moments of which the truth is known.

``python -m tests.benchmarks.bench_satellite_teacher``: skies of the cloud network's simulation (no picture is rendered)
as they are, seen by a satellite without and with the error that was fitted to real pairs. Truth is what the simulated
observer reports of genera, base and N. Moments in fog are left out, as nothing is reported of them. Three lines each:

- some genus: statements, share of moments; share that hold, and that would hold of a set drawn from the statements of
  other moments (what a statement is worth beyond how common its genera are); mean trust;
- base: bounds that are no looser than 2500 m, and share of them that the true base exceeds; the same of any bound where
  there is a base;
- N: mean log likelihood of what the mask says at the true N over that at an N of another moment.

The error is laid on the satellite alone, in clear sky above all: it is an upper bound of how wrong codes are.
"""

import numpy as np
import torch

from models.contracts.cloud_labels import BASE_BELOW_M, GENERA
from models.contracts.sky_batch import CONTEXT, NO_BASE, SkyInputs
from models.learn.weak_targets import weak_targets
from models.science.geometry import MSG_FRANCE

CAMERAS, DAYS = 16, 16


def moments(**error):
    """Inputs without pictures, and the truth; the error of the satellite as fitted but for what is given."""
    from models.simulation.layer_weather import sky_state
    from models.simulation.satellite_error import SatelliteError
    from models.simulation.sky_moments import observed
    from models.simulation.sky_record import context_of, satellite_slots, targets_of
    from tasks.sky_scenes import SkySetSpec, moment_times

    spec, wrong = SkySetSpec(cameras=CAMERAS, held_out=0, days=DAYS), SatelliteError(**error)
    planes, present, context, truths = [], [], [], []
    for number in range(spec.cameras):
        camera = spec.camera(number)
        for _, day in spec.days_of(number):
            for time in moment_times(camera, spec.seed, day, spec.frames_per_day):
                state = sky_state(spec.seed, camera.id, time)
                slots = satellite_slots(camera, spec.seed, state, time, wrong)
                planes.append(slots.planes)
                present.append(slots.present)
                context.append(context_of(camera, time))
                truths.append(observed(state))
    n = len(truths)
    inputs = SkyInputs(
        torch.zeros(n, 3, 1, 1),
        torch.zeros(n, dtype=torch.bool),
        torch.from_numpy(np.stack(planes)),
        torch.from_numpy(np.stack(present)),
        torch.zeros(n, len(present[0])),
        torch.from_numpy(np.stack(context)),
    )
    told = targets_of(truths, np.full(n, np.nan))
    known = ~torch.isnan(told.okta[:, 0])
    return inputs.rows(known), told.rows(known)


def show_genera(weak, truth, among, words):
    said = weak.some_genus.any(dim=1) & among
    present = truth.genera[said] > 0.5
    named = weak.some_genus[said]
    holds = (named & present).any(dim=1).float()
    chance = (named[:, None, :] & present[None, :, :]).any(dim=2).float().mean()
    trust = weak.some_genus_trust[said].mean()
    print(
        f"  {words:12} {int(said.sum()):5d} statements ({float(said.sum() / among.sum()):.2f} of moments),"
        f" hold {float(holds.mean()):.3f}, by chance {float(chance):.3f}, trust {float(trust):.3f}"
    )


def by_set(weak, truth):
    """Share that holds of each set."""
    for named in torch.unique(weak.some_genus[weak.some_genus.any(dim=1)], dim=0):
        mine = (weak.some_genus == named).all(dim=1)
        holds = (truth.genera[mine][:, named] > 0.5).any(dim=1).float().mean()
        print(
            f"    {'/'.join(g for g, i in zip(GENERA, named.tolist(), strict=True) if i):14} {int(mine.sum()):5d}"
            f" hold {float(holds):.3f}, trust {float(weak.some_genus_trust[mine].mean()):.3f}"
        )


def show_bases(weak, truth):
    code = truth.base.argmax(dim=1)
    lowest = torch.tensor([0.0, *BASE_BELOW_M, 0.0])[code]
    bounded = torch.isfinite(weak.base_below_m) & (code != NO_BASE)
    tight = bounded & (weak.base_below_m <= BASE_BELOW_M[-1])
    for words, rows in (("<= 2500 m", tight), ("any", bounded)):
        broken = (lowest[rows] > weak.base_below_m[rows]).float().mean()
        print(f"  base bound {words:10} {int(rows.sum()):5d}, below the base {float(broken):.3f}")


def show_okta(weak, truth):
    said = weak.satellite_okta.amin(dim=1) < weak.satellite_okta.amax(dim=1)
    logs, okta = weak.satellite_okta[said].log(), truth.okta[said].argmax(dim=1)
    gain = logs.gather(1, okta[:, None])[:, 0] - logs[:, okta].mean(dim=1)
    print(f"  N: {int(said.sum())} masks, gain {float(gain.mean()):+.4f} nats")


def main() -> None:
    flawless = {"false_share": 0.0, "miss_share": 0.0}
    for words, error in (("without error", flawless), ("error as fitted", {})):
        inputs, truth = moments(**error)
        weak = weak_targets(inputs, MSG_FRANCE)
        print(f"{words}: {len(truth)} moments")
        sun = inputs.context[:, CONTEXT.index("sun_elevation_deg")]
        up = inputs.context[:, CONTEXT.index("axis_elevation_deg")] >= 60
        everything = torch.ones(len(truth), dtype=torch.bool)
        for name, among in (("all", everything), ("day", sun > 5), ("all-sky", up), ("horizon", ~up)):
            show_genera(weak, truth, among, name)
        by_set(weak, truth)
        show_bases(weak, truth)
        show_okta(weak, truth)


if __name__ == "__main__":
    main()
