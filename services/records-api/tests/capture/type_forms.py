"""Values of each type of PostgreSQL, and what each is in JSON."""

from __future__ import annotations

from dataclasses import dataclass

TYPES = r"""
SET LOCAL search_path = public;
CREATE TYPE mood AS ENUM ('glad', 'sad, "really"');
CREATE TYPE address AS (street text, number int);
CREATE TYPE person AS (name text, home address, tags text[], born timestamptz);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN very_positive AS positive CHECK (VALUE > 10);
CREATE DOMAIN moment AS timestamptz;
CREATE DOMAIN homes AS address[];
CREATE DOMAIN home AS address CHECK ((VALUE).number > 0);
CREATE DOMAIN document AS json;
CREATE TYPE moody AS ENUM ('glad');
CREATE FUNCTION moody_json(moody) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no JSON of %', $1; END $$;
CREATE CAST (moody AS json) WITH FUNCTION moody_json(moody);
CREATE TYPE asserting AS ENUM ('glad');
CREATE FUNCTION asserting_json(asserting) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN ASSERT false; END $$;
CREATE CAST (asserting AS json) WITH FUNCTION asserting_json(asserting);
"""


@dataclass(frozen=True, slots=True)
class Form:
    """A type, a value of it as SQL, and the JSON that is told (or the cause).

    Of a key: the JSON of its subject; `other` is another value of the type.
    """

    type: str
    value: str
    json: str
    since: int = 13
    before: int = 99
    extension: str = ""
    other: str = ""

    def __str__(self) -> str:
        value = self.value if len(self.value) < 40 else f"{self.value[:40]}…"
        return f"{self.type} {value}"


# Out of line, and not compressed to nothing.
RANDOM = "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 9000) AS n"


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


NUMBERS = [
    Form("smallint", "-32768", "-32768"),
    Form("integer", "2147483647", "2147483647"),
    Form("bigint", "9007199254740993", "9007199254740993"),
    Form("bigint", "-9223372036854775808", "-9223372036854775808"),
    Form("numeric", "1.50", "1.50"),
    Form("numeric", "100", "100"),
    Form("numeric(10,4)", "12.5", "12.5000"),
    Form("numeric", "'NaN'", '"NaN"'),
    Form("numeric", "'Infinity'", '"Infinity"', since=14),
    Form("numeric", "'-Infinity'", '"-Infinity"', since=14),
    Form("numeric", "1e-16383", f"0.{'0' * 16382}1"),
    Form("numeric", "1e3000", f"1{'0' * 3000}"),
    Form("real", "0.1", "0.1"),
    Form("real", "16777217", "16777216"),
    Form("real", "'Infinity'", '"Infinity"'),
    Form("double precision", "0.1::float8 + 0.2::float8", "0.30000000000000004"),
    Form("double precision", "'NaN'", '"NaN"'),
    Form("double precision", "'-Infinity'", '"-Infinity"'),
    Form("double precision", "'-0'", "0"),
    Form("double precision", "1e300", f"1{'0' * 300}"),
    Form("double precision", "5e-324", f"0.{'0' * 323}5"),
    Form("money", "-1234.5", '"-$1,234.50"'),
]
TEXTS = [
    Form("boolean", "true", "true"),
    Form("text", r"""'"\u0000 \ <b>&'""", r'''"\"\\u0000 \\ <b>&"'''),
    Form("text", r"E'\x01\b\f\n\r\t\x7f'", '"\\u0001\\b\\f\\n\\r\\t\x7f"'),
    Form("text", "'a\u2028\u202e\U0001f511字'", '"a\u2028\u202e\U0001f511字"'),
    Form("text", "''", '""'),
    Form("text", "NULL", "null"),
    Form("text", "repeat('x', 40000)", f'"{"x" * 40_000}"'),
    Form("varchar(5)", "'ab '", '"ab "'),
    Form("char(5)", "'ab'", '"ab   "'),
    Form("name", "'ab'", '"ab"'),
    Form('"char"', "'a'", '"a"'),
    Form('"char"', r"E'\\351'", '"\\\\351"', since=15),
    Form("uuid", "'7D3C1F5E2B4A4C6D8E9F0A1B2C3D4E5F'",
         '"7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"'),
    Form("public.mood", """'sad, "really"'""", r'"sad, \"really\""'),
    Form("citext", "'AbC'", '"AbC"', extension="citext"),
]  # fmt: skip
TIMES = [
    Form("timestamptz", "'2026-01-02 10:11:12.5+00'", '"2026-01-02T10:11:12.500000Z"'),
    Form("timestamptz", "'0001-01-01 00:00:00+00'", '"0001-01-01T00:00:00.000000Z"'),
    Form("timestamptz", "'9999-12-31 23:59:59.999999+00'",
         '"9999-12-31T23:59:59.999999Z"'),
    Form("timestamptz", "'10000-01-01 00:00+00'", '"10000-01-01T00:00:00+00:00"'),
    Form("timestamptz", "'0044-03-15 00:00+00 BC'", '"0044-03-15T00:00:00+00:00 BC"'),
    Form("timestamptz", "'infinity'", '"infinity"'),
    Form("timestamptz", "'-infinity'", '"-infinity"'),
    Form("timestamptz", "NULL", "null"),
    Form("timestamp", "'2026-01-02 10:11:12.5'", '"2026-01-02T10:11:12.5"'),
    Form("timestamp", "'2026-01-02'", '"2026-01-02T00:00:00"'),
    Form("timestamp", "'0044-03-15 BC'", '"0044-03-15T00:00:00 BC"'),
    Form("timestamp", "'infinity'", '"infinity"'),
    Form("date", "'2026-01-02'", '"2026-01-02"'),
    Form("date", "'0044-03-15 BC'", '"0044-03-15 BC"'),
    Form("date", "'10000-01-01'", '"10000-01-01"'),
    Form("date", "'-infinity'", '"-infinity"'),
    Form("time", "'10:11:12.5'", '"10:11:12.5"'),
    Form("time", "'24:00'", '"24:00:00"'),
    Form("timetz", "'10:11:12.5+05:45'", '"10:11:12.5+05:45"'),
    Form("interval", "'P1DT2H'", '"P1DT2H"'),
    Form("interval", "'P1Y-2M3DT-4H5M6.7S'", '"P10M3DT-3H-54M-53.3S"'),
    Form("interval", "'0'", '"PT0S"'),
    Form("interval", "'infinity'", '"infinity"', since=17),
]  # fmt: skip
DOCUMENTS = [
    Form("json", """'{"b":1.0,"a":1,"a":2}'""", '{"a": 2, "b": 1.0}'),
    Form("json", "'null'", "null"),
    Form("json", "'1e2'", "100"),
    Form("json", r"""'"\u00e9\\u0000"'""", r'"é\\u0000"'),
    Form("jsonb", """'[1.50,{"a":null}]'""", '[1.50, {"a": null}]'),
    Form("json", f"'{deep(4000)}'", deep(4000)),
    Form("public.document", """'{"a":1,"a":2}'""", '{"a": 2}'),
    Form("jsonpath", "'$.a[*]'", r'"$.\"a\"[*]"'),
    Form("xml", "'<a>&amp;</a>'::xml", '"<a>&amp;</a>"'),
    Form("hstore", "'a=>1, b=>NULL'", '{"a": "1", "b": null}', extension="hstore"),
]
COMPOSED = [
    Form("int[]", "'{{1,2},{3,4}}'", "[[1, 2], [3, 4]]"),
    Form("int[]", "ARRAY[1, NULL]", "[1, null]"),
    Form("int[]", "'[2:3]={1,2}'", "[1, 2]"),
    Form("int[]", "'{}'", "[]"),
    Form("numeric[]", "ARRAY['NaN', 1.50]", '["NaN", 1.50]'),
    Form("text[]", """ARRAY['NULL', NULL, 'a,"b']""", r'["NULL", null, "a,\"b"]'),
    Form("bytea[]", r"ARRAY['\x00ff'::bytea]", r'["\\x00ff"]'),
    Form("timestamptz[]", "ARRAY['2026-01-02 10:11:12.5+02'::timestamptz]",
         '["2026-01-02T08:11:12.5+00:00"]'),
    Form("json[]", """ARRAY['{"a":1,"a":2}'::json]""", '[{"a": 2}]'),
    Form("public.address", "ROW('Sol', 1)", '{"number": 1, "street": "Sol"}'),
    Form("public.address", "ROW(NULL, NULL)", '{"number": null, "street": null}'),
    Form("public.person",
         "ROW('Ana', ROW('Sol', 1), ARRAY['a', NULL], '2026-01-02 10:11:12+00')",
         '{"born": "2026-01-02T10:11:12+00:00", "home": {"number": 1, "street": "Sol"},'
         ' "name": "Ana", "tags": ["a", null]}'),
    Form("public.address[]", "ARRAY[ROW('Sol', 1)::public.address, NULL]",
         '[{"number": 1, "street": "Sol"}, null]'),
    Form("public.homes", "ARRAY[ROW('Sol', 1)::public.address]",
         '[{"number": 1, "street": "Sol"}]'),
    Form("public.home", "ROW('Sol', 1)", '{"number": 1, "street": "Sol"}'),
    Form("public.very_positive", "11", "11"),
    Form("public.moment", "'2026-01-02 10:11:12.5+05:45'",
         '"2026-01-02T04:26:12.500000Z"'),
    Form("int4range", "'[1,5]'", '"[1,6)"'),
    Form("numrange", "'[1.50,)'", '"[1.50,)"'),
    Form("int4range", "'empty'", '"empty"'),
    Form("daterange", "'[2026-01-02,infinity)'", '"[2026-01-02,infinity)"'),
    Form("tstzrange", "'[2026-01-02 10:00+00,)'", r'"[\"2026-01-02 10:00:00+00\",)"'),
    Form("int4multirange", "'{[1,3),[5,7)}'", '"{[1,3),[5,7)}"', since=14),
    Form("int2vector", "'1 2'", "[1, 2]"),
]  # fmt: skip
OTHERS = [
    Form("bytea", r"'\x00ff'::bytea", r'"\\x00ff"'),
    Form("bytea", "''", r'"\\x"'),
    Form("bit(3)", "B'101'", '"101"'),
    Form("varbit", "B'10'", '"10"'),
    Form("inet", "'10.0.0.1'", '"10.0.0.1"'),
    Form("inet", "'::1/64'", '"::1/64"'),
    Form("cidr", "'10.0.0.0/8'", '"10.0.0.0/8"'),
    Form("macaddr", "'08002b010203'", '"08:00:2b:01:02:03"'),
    Form("macaddr8", "'08002b0102030405'", '"08:00:2b:01:02:03:04:05"'),
    Form("point", "'(0.1,2)'", '"(0.1,2)"'),
    Form("box", "'(2,2),(1,1)'", '"(2,2),(1,1)"'),
    Form("circle", "'<(0.1,2),3>'", '"<(0.1,2),3>"'),
    Form("path", "'[(0.1,2),(3,4)]'", '"[(0.1,2),(3,4)]"'),
    Form("tsvector", "'b:2A a:1'", "\"'a':1 'b':2A\""),
    Form("tsquery", "'a & !b'", "\"'a' & !'b'\""),
    Form("oid", "4294967295", '"4294967295"'),
    Form("regclass", "'aviso.feeds'", '"aviso.feeds"'),
    Form("pg_lsn", "'16/B374D848'", '"16/B374D848"'),
    Form("ltree", "'a.b'", '"a.b"', extension="ltree"),
    Form("cube", "'(0.1,2)'", '"(0.1, 2)"', extension="cube"),
    Form(
        "geometry(Point, 4326)",
        "'SRID=4326;POINT(2.1734 0.30000000000000004)'",
        '{"crs": {"type": "name", "properties": {"name": "EPSG:4326"}},'
        ' "type": "Point", "coordinates": [2.1734, 0.3]}',
        extension="postgis",
    ),
    Form(
        "geometry",
        "'POINT Z (1 2 3)'",
        '{"type": "Point", "coordinates": [1, 2, 3]}',
        extension="postgis",
    ),
    Form(
        "geometry",
        "'POLYGON EMPTY'",
        '{"type": "Polygon", "coordinates": []}',
        extension="postgis",
    ),
    Form(
        "geography",
        "'POINT(1 2)'",
        '"0101000020E6100000000000000000F03F0000000000000040"',
        extension="postgis",
    ),
    Form("box2d", "'BOX(0 0,1 1)'", '"BOX(0 0,1 1)"', extension="postgis"),
]
FORMS = {
    "numbers": NUMBERS,
    "texts": TEXTS,
    "times": TIMES,
    "documents": DOCUMENTS,
    "composed": COMPOSED,
    "others": OTHERS,
}

NO_FORMS = [
    Form("json", r"""'"\u0000"'""", "no-form"),
    Form("json", r"""'"\ud800"'""", "no-form"),
    Form("json", "'1e200000'", "no-form"),
    Form("public.moody", "'glad'", "no-form"),
    Form("public.asserting", "'glad'", "no-form"),
    Form("numeric", "1e100000", "too-large"),
    Form("text", "repeat('x', 65600)", "too-large"),
    Form("text", f"({RANDOM})", "too-large"),
    Form('"char"', "'é'", "no-form", before=15),
    Form("geometry", "'CIRCULARSTRING(0 0,1 1,2 0)'", "no-form", extension="postgis"),
    Form("geometry", "'POINT(NaN 1)'", "no-form", extension="postgis"),
]  # fmt: skip

KEYS = [
    Form("bigint", "9007199254740993", '"9007199254740993"', other="1"),
    Form("numeric", "1.50", '"1.50"', other="2"),
    Form("real", "0.1", '"0.1"', other="2"),
    Form("double precision", "'NaN'", '"NaN"', other="2"),
    Form("text", """'é"\\ '""", r'"é\"\\ "', other="'b'"),
    Form("char(5)", "'ab'", '"ab"', other="'abc'"),
    Form("varchar(5)", "'ab '", '"ab "', other="'a'"),
    Form("name", "'ab'", '"ab"', other="'abc'"),
    Form('"char"', "'a'", '"a"', other="'b'"),
    Form("uuid", "'7D3C1F5E2B4A4C6D8E9F0A1B2C3D4E5F'",
         '"7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"', other="gen_random_uuid()"),
    Form("public.mood", """'sad, "really"'""", r'"sad, \"really\""', other="'glad'"),
    Form("public.very_positive", "11", '"11"', other="12"),
    Form("public.address", "ROW('Sol', 1)", '"(Sol,1)"', other="ROW('Sol', 2)"),
    Form("timestamptz", "'2026-01-02 10:11:12.5+02'", '"2026-01-02 08:11:12.5+00"',
         other="'infinity'"),
    Form("timestamp", "'2026-03-02 10:11:12.5'", '"2026-03-02 10:11:12.5"',
         other="'infinity'"),
    Form("date", "'2026-03-02'", '"2026-03-02"', other="'0044-03-15 BC'"),
    Form("interval", "'P1DT2H'", '"P1DT2H"', other="'P1D'"),
    Form("time", "'10:11'", '"10:11:00"', other="'10:12'"),
    Form("money", "1234.5", '"$1,234.50"', other="1"),
    Form("boolean", "true", '"true"', other="false"),
    Form("bytea", r"'\x00ff'::bytea", r'"\\x00ff"', other="''"),
    Form("bit(3)", "B'101'", '"101"', other="B'110'"),
    Form("varbit", "B'10'", '"10"', other="B'101'"),
    Form("inet", "'10.0.0.1'", '"10.0.0.1/32"', other="'::1'"),
    Form("int[]", "'{1,2}'", '"{1,2}"', other="'{1}'"),
    Form("int4range", "'[1,5]'", '"[1,6)"', other="'empty'"),
    Form("jsonb", """'{"a":1.0}'""", r'"{\"a\": 1.0}"', other="'1'"),
    Form("oid", "7", '"7"', other="8"),
]  # fmt: skip
