"""The page that asks before an act of staff: the one of all surfaces, under the name that staff's areas know."""

from guildhall.surfaces.question import Question, answer, ask

__all__ = ["Question", "answer", "ask"]
