"""The questions of a datasheet, section by section, each with a name to answer it by.

Gebru et al., Datasheets for Datasets, version 8 of 2021: https://arxiv.org/abs/1803.09010. They are in short here; what
the paper asks to be considered with each of them stands there.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["QUESTIONS"]

QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "Motivation": {
        "motivation-purpose": "For what purpose was the dataset created?",
        "motivation-creators": "Who created the dataset, and on behalf of which entity?",
        "motivation-funding": "Who funded the creation of the dataset?",
        "motivation-other": "Any other comments?",
    },
    "Composition": {
        "composition-instances": "What do the instances that comprise the dataset represent?",
        "composition-count": "How many instances are there in total, of each type?",
        "composition-sample": "Does the dataset contain all possible instances, or is it a sample of a larger set?",
        "composition-data": "What data does each instance consist of?",
        "composition-labels": "Is there a label or target associated with each instance?",
        "composition-missing": "Is any information missing from individual instances?",
        "composition-relations": "Are relationships between individual instances made explicit?",
        "composition-splits": "Are there recommended data splits?",
        "composition-errors": "Are there any errors, sources of noise, or redundancies in the dataset?",
        "composition-external": "Is the dataset self-contained, or does it rely on external resources?",
        "composition-confidential": "Does the dataset contain data that might be considered confidential?",
        "composition-offensive": "Does the dataset contain data that might be offensive, insulting, threatening, or "
        "might otherwise cause anxiety?",
        "composition-subpopulations": "Does the dataset identify any subpopulations?",
        "composition-identifiable": "Is it possible to identify individuals from the dataset?",
        "composition-sensitive": "Does the dataset contain data that might be considered sensitive in any way?",
        "composition-other": "Any other comments?",
    },
    "Collection process": {
        "collection-acquired": "How was the data associated with each instance acquired?",
        "collection-mechanisms": "What mechanisms or procedures were used to collect the data?",
        "collection-sampling": "If the dataset is a sample from a larger set, what was the sampling strategy?",
        "collection-people": "Who was involved in the data collection process, and how were they compensated?",
        "collection-timeframe": "Over what timeframe was the data collected?",
        "collection-ethics": "Were any ethical review processes conducted?",
        "collection-source": "Was the data collected from the individuals in question directly, or obtained via third "
        "parties or other sources?",
        "collection-notified": "Were the individuals in question notified about the data collection?",
        "collection-consent": "Did the individuals in question consent to the collection and use of their data?",
        "collection-revoke": "If consent was obtained, were the individuals given a mechanism to revoke it?",
        "collection-impact": "Has an analysis of the potential impact of the dataset and its use on data subjects been "
        "conducted?",
        "collection-other": "Any other comments?",
    },
    "Preprocessing, cleaning, labelling": {
        "preprocessing-done": "Was any preprocessing, cleaning or labelling of the data done?",
        "preprocessing-raw": "Was the raw data saved in addition to the preprocessed, cleaned, labelled data?",
        "preprocessing-software": "Is the software that was used available?",
        "preprocessing-other": "Any other comments?",
    },
    "Uses": {
        "uses-already": "Has the dataset been used for any tasks already?",
        "uses-repository": "Is there a repository that links to any or all papers or systems that use the dataset?",
        "uses-possible": "What other tasks could the dataset be used for?",
        "uses-impact": "Is there anything about the composition of the dataset, or the way it was collected and "
        "preprocessed, that might impact future uses?",
        "uses-not": "Are there tasks for which the dataset should not be used?",
        "uses-other": "Any other comments?",
    },
    "Distribution": {
        "distribution-parties": "Will the dataset be distributed to third parties outside of the entity that made it?",
        "distribution-how": "How will the dataset be distributed?",
        "distribution-when": "When will the dataset be distributed?",
        "distribution-licence": "Will the dataset be distributed under a copyright or other licence, or under terms of "
        "use?",
        "distribution-restrictions": "Have any third parties imposed restrictions on the data associated with the "
        "instances?",
        "distribution-export": "Do any export controls or other regulatory restrictions apply?",
        "distribution-other": "Any other comments?",
    },
    "Maintenance": {
        "maintenance-who": "Who will be supporting, hosting, maintaining the dataset?",
        "maintenance-contact": "How can the owner, curator or manager of the dataset be contacted?",
        "maintenance-erratum": "Is there an erratum?",
        "maintenance-updates": "Will the dataset be updated?",
        "maintenance-retention": "Are there limits on the retention of data associated with individuals?",
        "maintenance-versions": "Will older versions of the dataset continue to be supported, hosted, maintained?",
        "maintenance-extend": "Is there a mechanism for others to extend, build on, contribute to the dataset?",
        "maintenance-other": "Any other comments?",
    },
}
