"""Face rigs: a neutral mesh, 46 named blendshapes and an identity basis."""
