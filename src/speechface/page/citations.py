"""How the data that adapters read are cited, and under which licence they come."""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["CITATIONS", "Citation", "licence_of"]


class Citation(NamedTuple):
    """`text` to cite, `licence` in words, `code` of what is made of the data, as Hugging Face writes it."""

    text: str
    licence: str
    code: str


#: Adapter -> its data; those of a folder are not known.
CITATIONS = {
    "demo": Citation("speechface's synthetic actors; their voices are espeak-ng's", "made by this program", "mit"),
    "ravdess": Citation(
        "S. R. Livingstone, F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS). "
        "PLoS ONE 13(5), e0196391, 2018. doi:10.1371/journal.pone.0196391", "CC BY-NC-SA 4.0", "cc-by-nc-sa-4.0",
    ),
    "grid": Citation(
        "M. Cooke, J. Barker, S. Cunningham, X. Shao: An audio-visual corpus for speech perception and automatic "
        "speech recognition. JASA 120(5), 2421-2424, 2006. doi:10.1121/1.2229005", "CC BY 4.0", "cc-by-4.0",
    ),
    "savee": Citation(
        "S. Haq, P. J. B. Jackson: Speaker-dependent audio-visual emotion recognition. AVSP 2009", "for research only",
        "other",
    ),
    "vidtimit": Citation(
        "C. Sanderson, B. C. Lovell: Multi-region probabilistic histograms for robust and scalable identity inference. "
        "LNCS 5558, 199-208, 2009", "for research, see its page", "other",
    ),
    "cremad": Citation(
        "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma: CREMA-D: Crowd-sourced emotional "
        "multimodal actors dataset. IEEE Transactions on Affective Computing 5(4), 377-390, 2014. "
        "doi:10.1109/TAFFC.2014.2336244", "Open Database License", "odbl",
    ),
    "mead": Citation(
        "K. Wang, Q. Wu, L. Song, Z. Yang, W. Wu, C. Qian, R. He, Y. Qiao, C. C. Loy: MEAD: A large-scale audio-visual "
        "dataset for emotional talking-face generation. ECCV 2020", "for research, not commercial", "other",
    ),
}  # fmt: skip


def licence_of(adapters: Iterable[str]) -> str:
    """Code of the licence under which a network trained on these data may be given on: "other" where that is open."""
    codes = {CITATIONS[adapter].code if adapter in CITATIONS else "other" for adapter in adapters} - {"mit"}
    return "mit" if not codes else codes.pop() if len(codes) == 1 else "other"
