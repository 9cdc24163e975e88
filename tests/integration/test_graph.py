"""`remora graph` and /__graph: the endpoints, their backends and sources; read back by small strict parsers, and by dot(1) where it is."""
# SPDX-License-Identifier: Apache-2.0
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kit.gateway import run
from kit.wire import ask

GRAPHS = Path(__file__).resolve().parent / "graph"
SHOP = GRAPHS / "shop.yaml"
FORMATS = ("mermaid", "dot")

# What would end a string, a line or a label in one of the formats, or begin something in it.
NAMES = [
    'a "quoted" name',
    "back\\slash \\n \\N \\",
    "<b>bold</b> <br/> &lt; &amp; &#65;",
    "#35; #quot; ;#;",
    "style x:#1; classDef y:#2;",
    "click e0 %% comment ]])}|> end",
    "`markdown` **x** {a} [b] (c) |d|",
    "Grüße 商品 \U0001f41f",
    "--> e0 -- x -.-> {{ }}",
]


def drawn(path, format_):
    status, out, err = run("graph", "-c", str(path), "--format", format_)
    assert (status, err) == (0, "")
    return out


# ------------------------------------------------------------ reading it back: {node: (shape, lines)}, {(from, to, label, dashed)}

MERMAID_NODE = re.compile(r'  (\w+)(\(\["|\["|\[\(")([^"`\\<>&;]*(?:(?:<br/>|#\d+;)[^"`\\<>&;]*)*)("\]\)|"\]|"\)\])')
MERMAID_EDGE = re.compile(r'  (\w+) (?:-->|-- "(\d+)" -->|-\. "([^"]+)" \.->) (\w+)')
MERMAID_SHAPES = {'(["': '"])', '["': '"]', '[("': '")]'}


def read_mermaid(text):
    first, *lines = text.splitlines()
    assert first == "flowchart LR" and text.endswith("\n")
    nodes, edges = {}, set()
    for line in lines:
        node, edge = MERMAID_NODE.fullmatch(line), MERMAID_EDGE.fullmatch(line)
        assert bool(node) != bool(edge), line
        if edge:
            edges.add((edge.group(1), edge.group(4), edge.group(2) or edge.group(3) or "", bool(edge.group(3))))
            continue
        name, begin, label, end = node.groups()
        assert MERMAID_SHAPES[begin] == end and name not in nodes
        assert not re.search(r"(style|classDef).*:\S*#.*;", label), "Mermaid takes the last ; from such a line"
        label = re.sub(r"#(\d+);|#", lambda found: chr(int(found.group(1))), label.replace("<br/>", "\n"))
        nodes[name] = label.split("\n")
    return nodes, edges


DOT_LINE = re.compile(r'  (\w+)(?: -> (\w+))?(?: \[((?:\w+=\w+ )*)label="((?:[^"\\]|\\.)*)"\])?')
DOT_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "&amp;": "&"}


def read_dot(text):
    lines = text.splitlines()
    assert lines[0] == "digraph remora {" and lines[-1] == "}" and text.endswith("\n")
    nodes, edges = {}, set()
    for line in lines[1:-1]:
        if re.fullmatch(r'  (rankdir=LR|(node|edge) \[[\w=" -]+\])', line):
            continue
        found = DOT_LINE.fullmatch(line)
        assert found, line
        name, to, attributes, label = found.groups()
        label = re.sub(r"\\.|&\w*;?", lambda one: DOT_ESCAPES[one.group()], label or "")
        if to:
            edges.add((name, to, label, "style=dashed" in attributes if attributes else False))
        else:
            assert name not in nodes and label
            nodes[name] = label.split("\n")
    return nodes, edges


READERS = {"mermaid": read_mermaid, "dot": read_dot}


# ------------------------------------------------------------ the tests


@pytest.mark.parametrize("format_,name", [("mermaid", "shop.mmd"), ("dot", "shop.dot")])
def test_the_example_is_drawn_as_it_was(format_, name):
    assert drawn(SHOP, format_) == (GRAPHS / name).read_text()
    assert drawn(SHOP, format_) == drawn(SHOP, format_)


def test_mermaid_is_the_default():
    assert run("graph", "-c", str(SHOP)) == (0, drawn(SHOP, "mermaid"), "")


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_drawn(format_):
    nodes, edges = READERS[format_](drawn(SHOP, format_))
    assert nodes["e0"] == ["GET /v1/products/{id}", "timeout 2s, xml"]
    assert nodes["e0b1"] == ["GET /reviews?product={id}&token=***", "json, group reviews, timeout 300ms"]
    assert nodes["e1"][1] == "timeout 5s, sequential, 2 concurrent calls"
    assert nodes["s1"] == ["kubernetes", "reviews:http"]
    assert nodes["s3"][-1] == "and 2 more" and len(nodes["s3"]) == 6
    # Backends share a source; a sequence is numbered; who needs an earlier answer says which field.
    assert {("e0b0", "s0", "", False), ("e1b1", "s0", "", False), ("e1b2", "s0", "", False)} <= edges
    assert {("e1", "e1b0", "1", False), ("e1", "e1b2", "3", False), ("e0", "e0b0", "", False)} <= edges
    assert {edge for edge in edges if edge[3]} == {
        ("e1b0", "e1b1", "customer.id, date", True),
        ("e1b0", "e1b2", "items", True),
        ("e1b1", "e1b2", "region", True),
    }
    assert {name for edge in edges for name in edge[:2]} == set(nodes)


@pytest.fixture
def hostile(tmp_path):
    """Each name as a group, and one as a path; the file is JSON, as nothing is left to quoting there."""
    backends = [{"url_pattern": "/%d" % i, "group": name} for i, name in enumerate(NAMES)]
    endpoints = [{"endpoint": '/"\\<b>`&amp', "backend": backends}]
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps({"version": 3, "host": ["http://h.test"], "endpoints": endpoints}))
    return path


@pytest.mark.parametrize("format_", FORMATS)
def test_hostile_names_are_read_back(format_, hostile):
    nodes, edges = READERS[format_](drawn(hostile, format_))
    assert nodes["e0"][0] == 'GET /"\\<b>`&amp'
    assert [nodes["e0b%d" % i] for i in range(len(NAMES))] == [
        ["GET /%d" % i, "json, group " + name] for i, name in enumerate(NAMES)
    ]
    assert len(edges) == 2 * len(NAMES)


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
@pytest.mark.parametrize("which", ["shop", "hostile"])
def test_graphviz_takes_it(which, hostile):
    text = drawn(SHOP if which == "shop" else hostile, "dot")
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [" ".join(one.text.split()) for one in ElementTree.fromstring(done.stdout).iter("{http://www.w3.org/2000/svg}text")]
    for lines in read_dot(text)[0].values():
        for line in lines:
            assert " ".join(line.split()) in shown


@pytest.mark.parametrize(
    "arguments,said",
    [
        (["graph"], "-c"),
        (["graph", "-c", "x", "--format"], "--format"),
        (["graph", "-c", "x", "--format", "svg"], "mermaid or dot"),
        (["graph", "-c", "x", "--format", ""], "mermaid or dot"),
        (["graph", "-c", "x", "y"], "argument"),
        (["graph", "-c", "x", "-p", "80"], "-p"),
        (["graph", "-c", "x", "--strict"], "--strict"),
        (["check", "-c", "x", "--format", "dot"], "--format"),
    ],
)
def test_misuse_is_2(arguments, said):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and said in err and "usage" in err


def test_help():
    status, out, err = run("graph", "--help")
    assert (status, err) == (0, "") and "--format" in out and "-c" in out
    assert "graph" in run("--help")[1]


def test_a_bad_configuration_is_not_drawn(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("version: 3\nendpoints: [{endpoint: /a}]\n")
    status, out, err = run("graph", "-c", str(path))
    assert (status, out) == (1, "") and "endpoints[0].backend" in err
    assert run("graph", "-c", str(tmp_path / "none.yaml"))[0] == 1


def test_warnings_do_not_stand_in_the_drawing(tmp_path):
    path = tmp_path / "warned.yaml"
    path.write_text(SHOP.read_text() + "foo: 1\n")
    status, out, err = run("graph", "-c", str(path))
    assert (status, out) == (0, (GRAPHS / "shop.mmd").read_text()) and "foo" in err


def test_the_page_of_the_graph(start):
    own = '{admin: {listen: "127.0.0.1:$admin"}, kubernetes: {api_server: "http://127.0.0.1:1"}}'
    config = SHOP.read_text() + "name: shop\nextra_config: {remora: %s}\n" % own
    remora = start(config.replace("version: 3", "version: 3\nlisten_ip: 127.0.0.1"))
    page = ask(remora.admin_port, "/__graph")
    assert page.status == 200 and page.header("Content-Type") == "application/json; charset=utf-8"
    assert b"a-secret" not in page.body
    graph = json.loads(page.body)
    assert graph["name"] == "shop" and re.fullmatch(r"\d+\.\d+\.\d+\S*", graph["version"])
    products, orders, pictures = graph["endpoints"]
    assert products["endpoint"] == "/v1/products/{id}" and products["output_encoding"] == "xml"
    assert products["timeout_seconds"] == 2 and not products["sequential"] and products["concurrent_calls"] == 1
    assert products["backend"][1] == {
        "method": "GET",
        "url_pattern": "/reviews?product={id}&token=***",
        "encoding": "json",
        "is_collection": False,
        "target": "",
        "group": "reviews",
        "timeout_seconds": 0.3,
        "shadow": False,
        "source": 1,
        "needs": [],
    }
    assert orders["method"] == "POST" and orders["sequential"] and orders["concurrent_calls"] == 2
    assert orders["backend"][2]["needs"] == [{"backend": 0, "fields": "items"}, {"backend": 1, "fields": "region"}]
    assert orders["backend"][1]["target"] == "data" and orders["backend"][2]["is_collection"]
    assert pictures["output_encoding"] == "no-op"
    # Sources by the same numbers as /__hosts has them.
    assert [(one["sd"], one["host"]) for one in graph["sources"]] == [
        (one["sd"], one["host"]) for one in remora.hosts()["sources"]
    ]
