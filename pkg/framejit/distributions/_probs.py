"""Distributions that are given by probabilities or by logits: one is stored, the other follows when it is asked for."""

from .utils import lazy_property, logits_to_probs, probs_to_logits


def only_one(probs, logits):
    """Raises ValueError unless exactly one is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class ProbsOrLogits:
    """`probs` and `logits` from one another; `_binary` says whether they are those of yes or no."""

    _binary = True

    @lazy_property
    def logits(self):
        """Log-odds, or log-probabilities along the last dimension."""
        return probs_to_logits(self.probs, self._binary)

    @lazy_property
    def probs(self):
        """Probabilities."""
        return logits_to_probs(self.logits, self._binary)

    @property
    def _param(self):
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    @property
    def param_shape(self):
        """The shape of the probabilities."""
        return self._param.size()

    def _new(self, *args, **kwargs):
        return self._param.new_empty(*args, **kwargs)
