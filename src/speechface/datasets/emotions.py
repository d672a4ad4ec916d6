"""One vocabulary of emotions for all data sets: RAVDESS's words, and contempt."""

__all__ = ["EMOTIONS", "emotion"]

#: In the order of figures.
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "contempt")
_OTHERS = {
    "neutral": ("neu",),
    "happy": ("hap", "happiness", "joy", "joyful"),
    "sad": ("sadness",),
    "angry": ("ang", "anger"),
    "fearful": ("fea", "fear", "afraid"),
    "disgust": ("dis", "disgusted"),
    "surprised": ("sur", "surprise"),
    "contempt": ("contemptuous",),
}
_WORDS = {word: name for name in EMOTIONS for word in (name, *_OTHERS.get(name, ()))}


def emotion(word: str) -> str:
    """Our word for a data set's: "Anger" and "ANG" are angry; an unknown word stays, in small letters."""
    return _WORDS.get(word.lower(), word.lower())
