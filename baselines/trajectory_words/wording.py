"""Moves to English."""

from collections.abc import Sequence

from baselines.trajectory_words.trajectory import Trajectory, moves

PHRASES = {
    "right": "moving to the right",
    "left": "moving to the left",
    "up": "moving up",
    "down": "moving down",
    "up right": "moving up to the right",
    "up left": "moving up to the left",
    "down right": "moving down to the right",
    "down left": "moving down to the left",
    "still": "staying still",
    "circle": "moving in circles",
    "hop": "jumping up and down",
    "near": "coming closer",
    "far": "moving away from the camera",
}
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def clause(trajectory: Trajectory) -> str:
    """Description of one object's motion, as a participle."""
    motion = " and then ".join(PHRASES[move] for move in moves(trajectory))
    if trajectory.appears and trajectory.vanishes:
        return f"{motion} that comes into view and leaves the frame"
    if trajectory.appears:
        return f"{motion} that comes into view"
    return f"{motion} and leaving the frame" if trajectory.vanishes else motion


def sentence(trajectories: Sequence[Trajectory]) -> str:
    """Description of the targets' motion: one clause if all are equal, else one per target; empty without targets."""
    clauses = list(dict.fromkeys(clause(each) for each in trajectories))
    if not clauses:
        return ""
    count = len(trajectories)
    if len(clauses) == 1 and count > 1:
        return f"the {NUMBERS[count]} objects {clauses[0]}" if count in NUMBERS else f"the objects {clauses[0]}"
    first, *others = clauses
    return " and ".join([f"the object {first}", *(f"the one {other}" for other in others)])
