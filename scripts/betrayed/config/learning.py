"""The settings of learning the odds that two points lie on one object."""

from betrayed.config.knobs import knob, seed, settings


@settings
class LearningKnobs:
    """How the networks are learnt, as configurations and programs have it."""

    pairs: int = knob(3000, "drawn from each video; videos count alike", ge=1, unit="pairs")
    epochs: int = knob(30, "passes over all pairs", ge=1)
    networks: int = knob(
        3, "how many are learnt, from other first weights each; they are averaged", ge=1
    )
    composites: int = knob(
        160, "pairs of foregrounds of real videos that are laid into one picture", ge=0
    )
    composite_weight: float = knob(
        0.4, "what all of them count together, where all videos with exact masks count 1", ge=0
    )


@settings
class LearningSettings(LearningKnobs):
    """What learning is told."""

    seed: int = seed()
