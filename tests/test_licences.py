"""What a source says about rights becomes an id of a closed table, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest import licences
from harvest.licences import LICENCES, credit_line, from_flickr, from_name, from_url, licence, normalize


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://creativecommons.org/licenses/by/2.0/", "CC-BY-2.0"),
        ("http://creativecommons.org/licenses/by/2.0", "CC-BY-2.0"),
        ("//creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("www.creativecommons.org/licenses/by-nd/2.5/", "CC-BY-ND-2.5"),
        (" HTTPS://CreativeCommons.org/licenses/BY-SA/4.0/deed.pt_BR ", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.zh-hans", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode.txt", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/?ref=chooser-v1#text", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
        ("https://creativecommons.org/licenses/by/3.0/de/deed.de", "CC-BY-3.0-DE"),
        ("https://creativecommons.org/licenses/by/3.0/fr/", "LicenseRef-CC-BY-3.0-FR"),
        ("https://creativecommons.org/licenses/by-nc-sa/2.5/scotland/", "LicenseRef-CC-BY-NC-SA-2.5-SCOTLAND"),
        ("https://creativecommons.org/publicdomain/zero/1.0/deed.en", "CC0-1.0"),
        ("http://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC"),
        ("http://rightsstatements.org/vocab/InC/1.0/", "LicenseRef-RightsStatements-InC-1.0"),
        ("https://rightsstatements.org/page/NoC-US/1.0/?language=en", "LicenseRef-RightsStatements-NoC-US-1.0"),
        ("https://www.flickr.com/commons/usage/", "LicenseRef-No-Known-Copyright-Restrictions"),
        ("http://www.usa.gov/copyright.shtml", "LicenseRef-US-Government-Work"),
        ("https://creativecommons.org/licenses/by/5.0/", None),
        ("https://creativecommons.org/licenses/by/2.1/", None),
        ("https://creativecommons.org/licenses/by/4.0/de/", None),
        ("https://creativecommons.org/licenses/by/3.0/atlantis/", None),
        ("https://creativecommons.org.example/licenses/by/4.0/", None),
        ("https://example.org/?https://creativecommons.org/licenses/by/4.0/", None),
        ("https://creativecommons.org/licenses/", None),
        ("https://[broken", None),
        ("", None),
        (None, None),
    ],
)
def test_urls(url, expected):
    assert from_url(url) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by-nc-nd-2.0", "CC-BY-NC-ND-2.0"),
        ("CC BY-SA 3.0 de", "CC-BY-SA-3.0-DE"),
        ("Creative Commons Attribution-Share Alike 4.0", "CC-BY-SA-4.0"),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0 International License", "CC-BY-NC-ND-4.0"),
        ("Attribution 2.0 Generic (CC BY 2.0)", None),
        ("Attribution-NonCommercial 2.0 Generic", "CC-BY-NC-2.0"),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("Public Domain Mark 1.0", "CC-PDM-1.0"),
        ("Public domain", "LicenseRef-Public-Domain"),
        ("No restrictions", "LicenseRef-No-Known-Copyright-Restrictions"),
        ("© All Rights Reserved", "LicenseRef-All-Rights-Reserved"),
        ("In Copyright", "LicenseRef-RightsStatements-InC-1.0"),
        ("OGL 3", "OGL-UK-3.0"),
        ("CC BY", None),
        ("CC BY-SA 9.0", None),
        ("GFDL", None),
        ("free to use", None),
        ("4", None),
        ("", None),
        (None, None),
    ],
)
def test_names(name, expected):
    assert from_name(name) == expected


def test_flickr_ids_are_all_there_and_end_at_sixteen():
    ids = [from_flickr(str(number)) for number in range(17)]
    assert ids[0] == "LicenseRef-All-Rights-Reserved"
    assert ids[7:9] == ["LicenseRef-No-Known-Copyright-Restrictions", "LicenseRef-US-Government-Work"]
    assert all(id_ in LICENCES for id_ in ids)
    assert len(set(ids)) == 17
    assert [from_flickr(wrong) for wrong in ("17", "-1", "", "04", "four")] == [None] * 5


@given(st.sampled_from(sorted(LICENCES)))
def test_every_entry_is_found_by_id_uri_and_name(id_):
    entry = LICENCES[id_]
    assert normalize(id_) == normalize(id_.lower()) == id_
    assert normalize(entry.name) == id_
    if entry.uri:
        assert normalize(entry.uri) == normalize(entry.uri.replace("https:", "http:")) == id_


@given(st.text())
def test_any_other_text_is_unknown_or_in_the_table(text):
    found = normalize(text)
    assert found is None or found in LICENCES


@given(st.sampled_from(["by", "by-sa", "by-nc-nd"]), st.from_regex(r"\A[0-9]\.[0-9]\Z"))
def test_a_version_that_does_not_exist_is_unknown(kind, version):
    found = from_url(f"https://creativecommons.org/licenses/{kind}/{version}/")
    assert (found is not None) == (version in {"1.0", "2.0", "2.5", "3.0", "4.0"})


KINDS = {"by", "by-sa", "by-nc", "by-nc-sa", "by-nd", "by-nc-nd"}
DEEDS = {id_: entry.uri for id_, entry in LICENCES.items() if entry.uri and "creativecommons.org" in entry.uri}
ENDS = ("", "/", "/deed", "/deed.en", "/deed.pt_BR", "/legalcode", "/legalcode.fr", "/rdf")


@given(
    st.sampled_from(sorted(DEEDS)),
    st.sampled_from(["https://", "http://", "//", "https://www.", "www.", ""]),
    st.sampled_from(ENDS),
    st.sampled_from(["", "?ref=chooser-v1", "#deed"]),
    st.booleans(),
)
def test_a_creative_commons_address_is_known_however_it_is_written(id_, scheme, end, rest, is_loud):
    path = DEEDS[id_].removeprefix("https://").rstrip("/")
    url = f"{scheme}{path.upper() if is_loud else path}{end}{rest}"

    assert from_url(url) == id_


@given(
    st.sampled_from(sorted(KINDS)),
    st.from_regex(r"[1-9]\.[0-9]", fullmatch=True),
    st.one_of(st.just(""), st.from_regex(r"[a-z]{2,8}", fullmatch=True)),
)
def test_an_address_of_a_licence_that_was_never_published_is_unknown(kind, version, port):
    found = from_url(f"https://creativecommons.org/licenses/{kind}/{version}/{port}")

    if version == "1.0" and not port and kind == "by-nc-nd":
        assert found == "CC-BY-NC-ND-1.0", "the address that people write for by-nd-nc"
    else:
        assert found is None or DEEDS[found].rstrip("/").endswith(f"{kind}/{version}/{port}".rstrip("/"))


@given(
    st.sampled_from(sorted(id_ for id_ in LICENCES if id_.startswith("LicenseRef-RightsStatements-"))),
    st.sampled_from(["http", "https"]),
    st.sampled_from(["vocab", "page", "data"]),
    st.sampled_from(["", "?language=de", "#"]),
)
def test_a_rights_statement_is_known_by_each_of_its_addresses(id_, scheme, place, rest):
    code = id_.removeprefix("LicenseRef-RightsStatements-").removesuffix("-1.0")

    assert from_url(f"{scheme}://rightsstatements.org/{place}/{code}/1.0/{rest}") == id_
    assert from_url(f"{scheme}://rightsstatements.org/{place}/{code}X/1.0/{rest}") is None


@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["1.0", "2.0", "2.5", "3.0", "4.0"]),
    st.sampled_from(
        ["CC {kind} {version}", "cc-{kind}-{version}", "CC {kind} v{version}", "Cc  {kind}\u2013{version}"]
    ),
    st.booleans(),
)
def test_a_short_name_of_commons_is_known_in_every_spelling_but_never_without_its_version(
    kind, version, pattern, is_loud
):
    kinds = kind.upper() if is_loud else kind

    assert from_name(pattern.format(kind=kinds, version=version)) == f"CC-{kind.upper()}-{version}"
    assert from_name(f"CC {kinds}") is None


@pytest.mark.parametrize(
    "name",
    [
        "GFDL",
        "FAL",
        "Copyrighted free use",
        "Fair use",
        "CC BY-SA 4.0-3.0-2.5-2.0-1.0",
        "CC BY-SA 3.0 or GFDL",
        "CC SA 1.0",
    ],
)
def test_names_of_commons_that_leave_a_choice_or_have_no_text_here_are_unknown(name):
    assert normalize(name) is None


@given(
    st.sampled_from(sorted(LICENCES)), st.sampled_from(sorted(LICENCES)), st.sampled_from([" or ", ", ", " / ", "; "])
)
def test_two_licences_in_one_text_are_no_licence(one, other, between):
    names = LICENCES[one].name, LICENCES[other].name

    assert from_name(between.join(names)) is None


@given(st.text(st.characters(codec="utf-8"), max_size=4))
def test_flickr_s_table_is_closed(id_):
    assert (from_flickr(id_) is not None) == (id_ in {str(number) for number in range(17)})


@given(st.sampled_from(sorted(LICENCES)))
def test_what_was_made_an_id_stays_it(id_):
    assert normalize(id_) == normalize(f" {id_.lower()} ") == id_


def test_free_means_free_for_everybody_everywhere():
    free = {entry.id for entry in LICENCES.values() if entry.is_free}
    assert {"CC0-1.0", "CC-PDM-1.0", "CC-BY-4.0", "CC-BY-SA-3.0-DE"} <= free
    assert not any("-NC" in id_ or "-ND" in id_ or "RightsStatements" in id_ for id_ in free)
    assert licences.ALL_RIGHTS_RESERVED not in free
    assert licence("CC-BY") is None


@pytest.mark.parametrize(
    ("id_", "conditions"),
    [
        ("CC0-1.0", set()),
        ("CC-BY-4.0", {"by"}),
        ("CC-BY-NC-SA-2.0", {"by", "nc", "sa"}),
        ("LicenseRef-CC-BY-NC-ND-2.0-BE", {"by", "nc", "nd"}),
        ("LicenseRef-RightsStatements-NoC-NC-1.0", {"nc"}),
        ("LicenseRef-RightsStatements-InC-EDU-1.0", {"nc"}),
        ("LicenseRef-RightsStatements-NoC-US-1.0", set()),
        ("OGL-UK-3.0", {"by"}),
        ("LicenseRef-All-Rights-Reserved", set()),
    ],
)
def test_conditions_are_what_the_deed_asks(id_, conditions):
    assert LICENCES[id_].conditions == conditions


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("Leaf\n 3", "Ada  Moss", "LicenseRef-Public-Domain", "https://m.example/3"),
            '"Leaf 3" by Ada Moss. Source: https://m.example/3. Licence: Public domain (as the source says)',
        ),
        ((None, None, None, None), "Untitled by an unknown creator. Source: unknown. Licence: unknown"),
        (
            ("", " ", "LicenseRef-All-Rights-Reserved", None),
            "Untitled by an unknown creator. Source: unknown. Licence: All rights reserved",
        ),
        (
            ("X", "Y", "LicenseRef-Ours", "https://x.example/"),
            '"X" by Y. Source: https://x.example/. Licence: LicenseRef-Ours',
        ),
    ],
)
def test_credit_line(arguments, expected):
    assert credit_line(*arguments) == expected
