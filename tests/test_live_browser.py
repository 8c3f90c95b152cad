"The live pages in Chromium, opened from the disk: each does what it says."
import shutil

import numpy as np, pytest

from fastbook_ch4.rungs import RUNGS

TITLES = [rung.title for rung in RUNGS.values() if rung.page]
NET = RUNGS['small_resnet'].title   # The one that answers
LANDSCAPES = ['square', 'dips', 'plateau', 'bowl', 'line', 'pass']


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{kind}</title>
<link rel="stylesheet" href="site/live/live.css">
<script defer src="site/live/live.js"></script><script defer src="site/live/{kind}.js"></script>
<div class="live" data-live="{kind}"><p>in place of it</p></div>"""


@pytest.fixture
def open_live(live, browser):
    """Opens a page with one live element, as a file.

    Afterwards there must have been no error, and nothing asked of another host."""
    opened = []
    def open_live(kind, width=1200, folder=live):
        path = folder.parent/f'{kind}.html'
        path.write_text(PAGE.format(kind=kind), encoding='utf-8')
        page = browser.new_page(viewport=dict(width=width, height=900))
        errors = []
        page.on('pageerror', lambda e: errors.append(str(e)))
        page.on('request', lambda o: None if o.url.startswith('file:') else errors.append(o.url))
        page.goto(path.as_uri())
        opened.append((page, errors))
        return page
    yield open_live
    for page, errors in opened:
        page.close()
        assert not errors


WAITS = """() => { // How long each stroke waits for its answer
    let first = null
    window.waits = []
    const begin = e => { if (e.buttons) first ??= e.timeStamp }
    const end = () => {
        if (first !== null) { waits.push(performance.now() - first); first = null }
    }
    for (const kind of ['pointerdown', 'pointermove']) document.addEventListener(kind, begin, true)
    const all = {childList: true, subtree: true, characterData: true}
    new MutationObserver(end).observe(document.querySelector('.live-table'), all)
}"""


def says(page): return page.locator('.live-table .answer').all_text_contents()


def wait_for(page, words):
    "Wait until the line below a live element says so."
    line = "document.querySelector('.live-status').textContent"
    page.wait_for_function(f"{line}.includes('{words}')")


@pytest.mark.parametrize('width', [1200, 390])
def test_a_drawn_seven_is_a_seven_at_once(open_live, width):
    page = open_live('draw', width)
    page.wait_for_selector('.live-ready')
    assert says(page) == ['–']*len(TITLES)
    page.evaluate(WAITS)
    box, medians = page.locator('.live-paper').bounding_box(), []
    def place(x, y): return box['x'] + x*box['width'], box['y'] + y*box['height']
    # A machine that is busy with other things gets another try
    while len(medians) < 4 and min(medians, default=100) >= 100:
        page.get_by_role('button', name='Clear').click()
        page.mouse.move(*place(.25, .2))
        page.mouse.down()
        for x, y in ((.72, .2), (.45, .85)): page.mouse.move(*place(x, y), steps=10)
        page.mouse.up()
        wait_for(page, f'{NET}: 7')
        assert says(page) == ['7']*len(TITLES)
        waits = page.evaluate('waits.splice(0)')
        assert len(waits) >= 5
        medians.append(np.median(waits))
    assert min(medians) < 100, f'milliseconds from stroke to answer: {medians}'
    page.get_by_role('button', name='Clear').click()
    assert says(page) == ['–']*len(TITLES)


def test_a_digit_can_be_drawn_and_taken_with_the_keys(open_live):
    page = open_live('draw')
    page.locator('.live-paper').focus()
    for keys, n in (('ArrowUp', 9), ('ArrowLeft', 6), (' ', 1), ('ArrowRight', 12),
                    ('ArrowDown', 19)):
        for _ in range(n): page.keyboard.press(keys)
    wait_for(page, f'{NET}: 7')
    page.keyboard.press('Delete')
    assert says(page) == ['–']*len(TITLES)
    for digit in '0123456789':
        page.keyboard.press(digit)
        assert says(page)[TITLES.index(NET)] == digit


def test_descent_steps_and_says_how_it_goes(open_live):
    page = open_live('descent')
    page.get_by_role('button', name='Step').click()
    facts = page.locator('.live-facts').inner_text().split()
    assert facts == 'step 1 x 1.2000 slope 2.4000 loss 1.4400'.split()
    for name, word in (('good', 'Arrived'), ('jumps across', 'oscillates'),
                       ('too high', 'diverges')):
        page.get_by_role('button', name=name).click()
        wait_for(page, word)
    page.get_by_role('button', name='Reset').click()
    assert page.locator('.live-facts').inner_text().startswith('step')
    for value in LANDSCAPES:
        page.get_by_label('landscape').select_option(value)
        page.get_by_role('button', name='Step').click()
        assert page.locator('.live-plot').count() == (3 if value == 'line' else 2)


def test_accuracy_stands_still_while_the_loss_moves(open_live):
    page = open_live('loss')
    page.wait_for_selector('.live-ready')
    def facts():
        return dict(zip(page.locator('.live-facts dt').all_text_contents(),
                        page.locator('.live-facts dd').all_text_contents()))
    before = facts()
    page.get_by_role('button', name='move it by -0.001').click()
    assert before['loss'].startswith('0.596821') and facts()['loss'] == '0.596834 (+0.000013)'
    assert facts()['accuracy'] == '79 of 200, 39.5 % (did not move)'
    page.get_by_label('moved by').fill('3')
    assert 'did not move' not in facts()['accuracy']
    page.get_by_role('application').focus()
    for _ in range(12): page.keyboard.press('ArrowUp')
    page.get_by_role('button', name='move it by 0.01').click()
    assert facts()['loss'].endswith('(did not move)'), 'no image has ink in the first row'


def test_the_distances_of_chapter_01(open_live):
    page = open_live('mean')
    def distances(): return page.locator('.live-numbers td:last-child').all_text_contents()
    page.wait_for_selector('.live-ready')
    assert distances() == ['0.1114', '0.1586']
    page.get_by_label('L2').check()
    assert distances() == ['0.2021', '0.3021']
    page.get_by_role('button', name='Next mistake').click()
    wait_for(page, 'wrongly')
    page.get_by_role('application').focus()
    page.keyboard.press('ArrowDown')
    assert page.locator('caption').inner_text().startswith('Row 11, column 14')


def test_without_weights_the_page_says_so(open_live, live, tmp_path):
    shutil.copytree(live/'live', tmp_path/'site'/'live')
    page = open_live('mean', folder=tmp_path/'site')
    page.wait_for_selector('[role=status]')
    text = page.inner_text('.live')
    assert 'digits.js is missing' in text and 'in place of it' in text
