"What SECURITY.md promises: nothing is unpickled or run, no file fills the memory, few rights."
import ast, gzip, json, re, tracemalloc
from pathlib import Path

import pytest, yaml

from conftest import ROOT
from docs.links import notebooks
from fastbook_ch4.kept import DataError, unpack

FORBIDDEN = {'eval', 'exec', 'pickle.load', 'pickle.loads', 'joblib.load', 'dill.load',
             'shelve.open', 'torch.load', 'load_learner', 'pd.read_pickle', 'yaml.unsafe_load',
             'yaml.full_load'}

ON_PURPOSE = {   # What notebooks show with what they wrote themselves
    ('chapters/07b_autograd.ipynb', 'exec'),         # The lesson, with a mistake put in
    ('pages/learner_own_data.ipynb', 'pickle.loads'),   # A copy of a learner
    ('pages/saved_models.ipynb', 'pickle.loads')}       # Why models aren't pickled


def calls(source):
    "The calls of a module or a cell: (what is called, the names of its options)."
    try: nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError: return   # A magic
    for node in nodes:
        if isinstance(node, ast.Call):
            options = {k.arg: ast.unparse(k.value) for k in node.keywords}
            yield ast.unparse(node.func), options, [ast.unparse(o) for o in node.args]


def unsafe(source):
    "What in a source could run what a file says."
    for name, options, args in calls(source):
        if name in FORBIDDEN or name.rpartition('.')[2] == 'load_learner': yield name
        if options.get('allow_pickle') == 'True': yield f'{name} with allow_pickle'
        if name == 'yaml.load' and not any('oader' in o for o in [*args, *options]): yield name
        if options.get('shell') == 'True': yield f'{name} with shell'


def sources():
    for p in [*(ROOT/'fastbook_ch4').rglob('*.py'), *(ROOT/'tools').rglob('*.py')]:
        yield p.name, p.read_text(encoding='utf-8')
    for nb in notebooks():
        for cell in json.loads((ROOT/'nbs'/nb).read_text(encoding='utf-8'))['cells']:
            if cell['cell_type'] == 'code': yield nb, ''.join(cell['source'])


def test_nothing_is_unpickled_or_run():
    found = {(name, what) for name, source in sources() for what in unsafe(source)}
    assert found == ON_PURPOSE


@pytest.mark.parametrize('source', [
    'torch.load(f)', 'import pickle; pickle.loads(b)', 'eval(text)', 'yaml.load(f)',
    'np.load(f, allow_pickle=True)', 'learn = fastai.learner.load_learner(f)',
    'run(c, shell=True)'])
def test_each_is_found(source): assert [*unsafe(source)]


@pytest.mark.parametrize('source', ['model.eval()', 'yaml.load(f, SafeLoader)', 'np.load(f)',
                                    'safetensors.torch.load(b)', '%time x'])
def test_these_are_safe(source): assert not [*unsafe(source)]


def test_a_small_file_that_unpacks_to_a_large_one(tmp_path):
    "200 MB of zeros, of which only as many are read as the true file has."
    with gzip.open(tmp_path/'t10k-labels-idx1-ubyte.gz', 'wb', 1) as f:
        for _ in range(200): f.write(bytes(10**6))
    tracemalloc.start()
    with pytest.raises(DataError, match='is damaged'): unpack('t10k-labels-idx1-ubyte', tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


# Workflows

WORKFLOWS = sorted((ROOT/'.github'/'workflows').glob('*.yaml'))


def too_much(text):
    "What a workflow has that it need not: rights, actions that may change, secrets, a kept token."
    flow = yaml.safe_load(text)
    if flow.get('permissions') != {'contents': 'read'}: yield 'the workflow may do more than read'
    for name, job in flow['jobs'].items():
        writes = job.get('permissions', {}) not in ({}, {'contents': 'read'})
        for step in job['steps']:
            uses, said = step.get('uses', ''), str(step.get('run', ''))
            if uses and not re.search('@[0-9a-f]{40}$', uses): yield f'{uses} names no commit'
            kept = step.get('with', {}).get('persist-credentials')
            if 'actions/checkout' in uses and kept is not writes:
                yield f'{name}: the token stays where it is not needed, or goes where it is'
            if writes and re.search(r'\b(make|pip|npm|uv)\b', said):
                yield f'{name} runs what others wrote, and may write'
            if re.search(r'\$\{\{ *github\.(event|head_ref)', said): yield f'{name}: names as code'
    if 'secrets.' in text or 'pull_request_target' in str(flow.get(True)): yield 'secrets'


@pytest.mark.parametrize('path', WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_have_few_rights(path): assert not list(too_much(path.read_text('utf-8')))


FLOW = '''
on: {push: {}}
permissions: {contents: read}
jobs:
  a:
    steps:
      - {uses: actions/checkout@%s, with: {persist-credentials: false}}
      - run: make test
''' % ('0'*40)


@pytest.mark.parametrize('old, new, words', [
    ('contents: read', 'contents: write', 'more than read'), ('0'*40, 'v5', 'names no commit'),
    (', with: {persist-credentials: false}', '', 'the token stays'),
    ('  a:\n', '  a:\n    permissions: {contents: write}\n', 'and may write'),
    ('make test', 'echo ${{github.event.issue.title}}', 'names as code'),
    ('make test', 'echo ${{secrets.KEY}}', 'secrets')])
def test_workflows_can_have_too_many(old, new, words):
    assert not list(too_much(FLOW))
    assert any(words in o for o in too_much(FLOW.replace(old, new)))


# Findings

AUDITED = re.compile(r'^\| ((?:GHSA|PYSEC|CVE)-[\w-]+) \| (\S+) \| (.+) \|$', re.M)


def test_each_finding_is_explained():
    "Those that SECURITY.md lists are of packages that are used; `make audit` passes over these."
    text = (ROOT/'SECURITY.md').read_text('utf-8')
    rows, used = AUDITED.findall(text), (ROOT/'constraints.txt').read_text('utf-8')
    assert len(rows) == len(re.findall(r'^\| (?!finding|--)', text, re.M))
    for name, package, why in rows:
        assert f'\n{package.lower()}==' in used and len(why) > 20, (name, package)
