"""Face rigs: a neutral mesh, named blendshapes and an identity basis."""
