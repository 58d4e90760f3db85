"""A lively chat to look at: people, groups, and two weeks of what they said. `manage.py seed_demo` performs it.

`cast` and `story` say who and what; `faces`, `pictures`, `sounds` and `papers` make what they show and attach, all of
it here in code; `stage` has it said through the services, as people do, and then sets the clocks back.
"""
