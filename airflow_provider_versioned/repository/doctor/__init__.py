"""The doctor: finds what crashes, older tools and people leave wrong, and repairs what is safe.

=====================  ===============================================================
``examination``        reads an artifact; ``reading`` makes ``facts`` of raw items
``diagnosis``          rules from facts to ``cases``; ``record_rules``, ``alias_rules``
``remedies``           the writes that repair; those about aliases in ``alias_remedies``
``doctor``             reads until two readings agree, repairs, looks again
``findings``           what the caller gets
=====================  ===============================================================
"""
