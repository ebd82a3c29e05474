"""What a deployment may be."""

from homeostat.core.errors import InvalidDeclaration
from homeostat.serve.records import Arm

_WEIGHT_TOLERANCE = 1e-9


def check_arms(system: str, arms: tuple[Arm, ...], *, mirrored: bool) -> None:
    """Exactly one champion, at most one challenger, another version each, weights in [0, 1] that sum to 1.

    Raises: InvalidDeclaration naming what is wrong.
    """
    listed = ", ".join(f"{arm.role} version {arm.version} weight {arm.weight:g}" for arm in arms) or "no arm"
    roles = [arm.role for arm in arms]
    wrong = ""
    if sorted(roles) not in (["champion"], ["challenger", "champion"]):
        wrong = "a deployment has one champion and at most one challenger"
    elif len({arm.version for arm in arms}) != len(arms):
        wrong = "two arms cannot be the same version"
    elif any(not 0.0 <= arm.weight <= 1.0 for arm in arms):
        wrong = "a weight is a share between 0 and 1"
    elif abs(sum(arm.weight for arm in arms) - 1.0) > _WEIGHT_TOLERANCE:
        wrong = f"weights must sum to 1, these sum to {sum(arm.weight for arm in arms):g}"
    elif mirrored and len(arms) < 2:
        wrong = "mirroring needs a challenger"
    if wrong:
        raise InvalidDeclaration(f"{system} cannot be deployed with {listed}: {wrong}.")
