"""Methods compared on pictures: `photopulse evaluate`, run by ``evaluate.py`` as ``settings.py`` says.

- What is compared: ``inputs.py`` makes pictures small or damages them; ``methods.py`` lists the methods, which are in
  ``one_pass.py``, ``searched.py`` and ``restorers.py`` and look as ``method.py`` says; ``jobs.py`` plans what
  ``bench.py`` runs.
- How it is measured: ``measures.py`` is the table of all measures, of the kind that ``measure.py`` says;
  ``comparison.py`` is what they see of a result, ``places.py`` where faces are; ``measuring.py`` goes through it.
- What is recorded: ``records.py``, rows for people and records beside the pictures.
- How it is summarised: ``summaries.py``, and ``sets.py`` for figures that only a set of pictures has.
- How it is shown: ``tables.py``, ``plots.py`` (figures of numbers), ``figures.py`` (sheets of pictures).
"""
