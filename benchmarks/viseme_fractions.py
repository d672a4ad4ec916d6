"""How much of the time a speaker of English spends on each viseme, percent.

espeak-ng reads the first twenty Harvard sentences (IEEE Recommended Practice for Speech Quality Measurements, 1969).
Prints the table of `speechface.fitting.priors`.

    python benchmarks/viseme_fractions.py
"""

from collections import Counter

from speechface.synthesis.articulation import segments_of
from speechface.synthesis.espeak import speak

SENTENCES = """\
The birch canoe slid on the smooth planks.
Glue the sheet to the dark blue background.
It's easy to tell the depth of a well.
These days a chicken leg is a rare dish.
Rice is often served in round bowls.
The juice of lemons makes fine punch.
The box was thrown beside the parked truck.
The hogs were fed chopped corn and garbage.
Four hours of steady work faced us.
A large size in stockings is hard to sell.
The boy was there when the sun rose.
A rod is used to catch pink salmon.
The source of the huge river is the clear spring.
Kick the ball straight and follow through.
Help the woman get back to her feet.
A pot of tea helps to pass the evening.
Smoky fires lack flame and heat.
The soft cushion broke the man's fall.
The salt breeze came across from the sea.
The girl at the booth sold fifty bonds."""


def main():
    seconds = Counter()
    for sentence in SENTENCES.splitlines():
        said = speak(sentence, voice="en-us", rate=160, pitch=50, pitch_range=50)
        for segment in segments_of(said.phonemes, duration=len(said.audio) / said.sr):
            seconds[segment.viseme] += segment.end - segment.start
    total = sum(seconds.values())
    print({name: round(float(100 * value / total), 1) for name, value in seconds.most_common()})


if __name__ == "__main__":
    main()
