"""Pictures with known answers, under the conditions that a camera and a desk make: a generator.

`CONDITIONS` has a function for each, which makes a Pillow image of a digit, shape (28, 28), 0
(paper) to 1 (ink), and a random generator of NumPy. Whoever works on the preparation of
`fastbook_ch4.models.predict` looks at training digits alone; what is reported is measured by
`tools/elsewhere.py` on the validation digits 5,000 to 9,999.
"""
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import distance_transform_edt, maximum_filter, rotate

PAGE = 300, 400   # Rows and columns
SIDE = 110        # Of the square in which MNIST's 28 x 28 pixels lie: a digit is 79 pixels high


def picture(a): return Image.fromarray((a.clip(0, 1)*255).round().astype(np.uint8))


def enlarged(digit, side=SIDE):
    "With edges as sharp as those of a pen."
    a = np.asarray(Image.fromarray(digit.astype(np.float32)).resize((side, side), Image.BICUBIC))
    return (a*6 - 2.2).clip(0, 1)


def laid(small, rng, shape=PAGE, at=None):
    "A page of paper with the small picture somewhere on it, or with its corner `at` a place."
    page = np.zeros(shape)
    h, w = small.shape
    top, left = at or (int(rng.integers(5, n - m - 5)) for n, m in zip(shape, small.shape))
    page[top:top + h, left:left + w] = small
    return page


def box(ink):
    "First and last row and column that have ink."
    r, c = np.where(ink > 0.5)
    return r.min(), r.max(), c.min(), c.max()


def inked(ink, paper=0.9, pen=0.15): return paper - (paper - pen)*ink


def photo(a, rng, noise=0.02):
    "A little blur, noise, and what a JPEG loses."
    a = np.asarray(picture(a).filter(ImageFilter.GaussianBlur(1)))/255
    file = io.BytesIO()
    picture(a + rng.normal(0, noise, a.shape)).save(file, 'JPEG', quality=80)
    return Image.open(file)


def drawn_again(digit, width, side=SIDE):
    "The digit's middle line, drawn with a pen of `width` pixels."
    ink = enlarged(digit, 4*side) > 0.5
    deep = distance_transform_edt(ink)
    down, right = np.gradient(deep)
    ridge = ink & (np.hypot(down, right) < 0.75) & (deep > 0.4*np.median(deep[ink]))
    line = np.asarray(picture(ridge*1.).resize((side, side), Image.BOX)) > 8
    near = distance_transform_edt(~line)
    return (width/2 + 0.5 - near).clip(0, 1)


def coloured(ink, paper, pen):
    "Paper and pen as red, green and blue, 0 to 255."
    a = np.array(paper) + (np.array(pen) - paper)*ink[..., None]
    return Image.fromarray(a.clip(0, 255).round().astype(np.uint8))


def grid(shape, step=24, width=1):
    r, c = np.ogrid[:shape[0], :shape[1]]
    return np.maximum((r % step < width)*1., (c % step < width)*1.)


def round_spot(rng, shape=PAGE, radius=110, edge=25):
    "1 in a soft disc, 0 outside."
    y, x = rng.uniform(0.3, 0.7, 2)*shape
    far = np.hypot(*np.ogrid[-y:shape[0] - y, -x:shape[1] - x][::1])
    return ((radius - far)/edge + 0.5).clip(0, 1)


def page(digit, rng): return laid(enlarged(digit), rng)


def shaded(digit, rng, light): return photo(inked(page(digit, rng))*light, rng)


def hard_shadow(digit, rng):
    "An edge of shadow through the digit itself."
    ink = page(digit, rng)
    top, bottom, left, right = box(ink)
    y, x, angle = (top + bottom)/2, (left + right)/2, rng.uniform(0, 2*np.pi)
    r, c = np.mgrid[:PAGE[0], :PAGE[1]]
    light = (r - y)*np.sin(angle) + (c - x)*np.cos(angle) > 0
    return photo(inked(ink)*np.where(light, 1, 0.5), rng)


def dark_corner(rng):
    y, x = rng.choice([0, 1], 2)*np.array(PAGE)
    far = np.hypot(*np.ogrid[-y:PAGE[0] - y, -x:PAGE[1] - x])
    return (0.15 + far/far.max()*1.6).clip(0, 1)


def title_bar(digit, rng):
    a = inked(page(digit, rng), 1, 0.1)
    bar = np.full((28, PAGE[1]), 0.35)
    bar[8:20, 10:90] = 0.8
    return picture(np.vstack([bar, a]))


def thumb(digit, rng):
    "The holder's thumb in a lower corner."
    y, x = PAGE[0] + 10, rng.choice([40, PAGE[1] - 40])
    r, c = np.mgrid[:PAGE[0], :PAGE[1]]
    ink = laid(enlarged(digit), rng, at=(int(rng.integers(5, 80)), int(rng.integers(100, 200))))
    return photo(np.where(((r - y)/95)**2 + ((c - x)/38)**2 < 1, 0.55, inked(ink)), rng)


def on_a_desk(digit, rng, desk, paper=0.9, shape=(400, 500), sheet=(300, 230)):
    "A sheet of paper that lies on a desk, a little turned."
    ink = laid(enlarged(digit), rng, sheet)
    a = np.full(shape, desk)
    top, left = (int(rng.integers(25, n - m - 25)) for n, m in zip(shape, sheet))
    a[top:top + sheet[0], left:left + sheet[1]] = inked(ink, paper)
    return photo(rotate(a, rng.uniform(-4, 4), reshape=False, order=1, mode='nearest'), rng)


def framed_page(digit, rng):
    "A dark frame all round a light page."
    a = inked(page(digit, rng))
    return photo(np.pad(a, 20, constant_values=0.27), rng)


def sticky_note(digit, rng):
    "A small yellow note on a desk of middle grey."
    return on_a_desk(digit, rng, 0.5, 0.85, sheet=(170, 170))


def underlined(digit, rng):
    ink = laid(enlarged(digit), rng, at=(int(rng.integers(20, 150)), int(rng.integers(40, 240))))
    _, bottom, left, right = box(ink)
    under, more, w = (int(rng.integers(*o)) for o in ((6, 20), (10, 35), (3, 7)))
    under += bottom
    ink[under:under + w, max(0, left - more):right + more] = 1
    return photo(inked(ink), rng)


def framed(digit, rng):
    "A cell of a form: a box drawn round the digit."
    ink = laid(enlarged(digit), rng, at=(int(rng.integers(25, 150)), int(rng.integers(40, 240))))
    top, bottom, left, right = box(ink)
    m, w = int(rng.integers(10, 24)), int(rng.integers(2, 6))
    top, bottom, left, right = top - m, bottom + m, left - m, right + m
    ink[top:top + w, left:right] = ink[bottom - w:bottom, left:right] = 1
    ink[top:bottom, left:left + w] = ink[top:bottom, right - w:right] = 1
    return photo(inked(ink), rng)


def turned(digit, rng, degrees):
    small = rotate(enlarged(digit, 160), degrees*rng.choice([-1, 1]), reshape=False, order=1)
    return picture(inked(laid(small, rng)))


def at_the_edge(digit, rng):
    "The digit touches the left edge of the picture."
    ink = page(digit, rng)
    return photo(inked(ink[:, box(ink)[2]:]), rng)


def fills(digit, rng):
    "Drawn with a marker over all of the picture."
    ink = drawn_again(digit, 36, 300)
    top, bottom, left, right = box(ink)
    return picture(inked(np.pad(ink[top:bottom + 1, left:right + 1], 12)))


def pen(width, side=SIDE, shape=PAGE):
    return lambda d, rng: picture(inked(laid(drawn_again(d, width, side), rng, shape), 1, 0))


def squares(strength, step=24):
    return lambda d, rng: photo(inked(np.maximum(page(d, rng), strength*grid(PAGE, step))), rng)


def colours(paper, ink): return lambda d, rng: coloured(page(d, rng), paper, ink)


def on_blue_squares(digit, rng):
    "Pencil on squares of pale blue."
    a = np.array([245, 245, 240])*np.ones((*PAGE, 1))
    a[grid(PAGE) > 0] = 190, 215, 240
    ink = page(digit, rng)[..., None]
    return Image.fromarray((a*(1 - ink) + 110*ink).round().astype(np.uint8))


CONDITIONS = {   # Name -> function of a digit and a random generator, which gives a picture
    'plain': lambda d, rng: picture(inked(page(d, rng))),
    'photo': lambda d, rng: photo(inked(page(d, rng)), rng),
    'MNIST as a file': lambda d, rng: picture(d),
    'its negative': lambda d, rng: picture(1 - d),
    'squared paper': squares(0.3),
    'dark squares': squares(0.6),
    'pen of 12 px': pen(12),
    'pen of 6 px': pen(6),
    'pen of 3 px': pen(3),
    'pen of 1 px': pen(1),
    'hard shadow': hard_shadow,
    'shadow of a phone': lambda d, rng: shaded(d, rng, 1 - 0.5*round_spot(rng)),
    'spot of light': lambda d, rng: shaded(d, rng, 0.4 + 0.6*round_spot(rng)),
    'dark corner': lambda d, rng: shaded(d, rng, dark_corner(rng)),
    'very dark': lambda d, rng: photo(0.12*inked(page(d, rng)), rng, 0.005),
    'strong noise': lambda d, rng: photo(inked(page(d, rng)), rng, 0.15),
    'blurred': lambda d, rng: picture(inked(page(d, rng))).filter(ImageFilter.GaussianBlur(4)),
    'blue pen': colours((250, 250, 245), (30, 60, 190)),
    'red pen': colours((250, 250, 245), (210, 40, 40)),
    'green on yellow': colours((250, 240, 120), (20, 120, 50)),
    'pencil on blue squares': on_blue_squares,
    'dark mode': lambda d, rng: picture(0.1 + 0.8*page(d, rng)),
    'chalk': lambda d, rng: photo(0.2 + 0.6*page(d, rng)*rng.uniform(0.6, 1, PAGE), rng),
    'title bar': title_bar,
    'thumb': thumb,
    'small': lambda d, rng: photo(inked(laid(enlarged(d, 40), rng)), rng),
    'turned by 10 degrees': lambda d, rng: turned(d, rng, 10),
    'turned by 20 degrees': lambda d, rng: turned(d, rng, 20),
    'touches the edge': at_the_edge,
    'fills the picture': fills,
    'sheet on a dark desk': lambda d, rng: on_a_desk(d, rng, rng.uniform(0.02, 0.45)),
    'note on a grey desk': sticky_note,
    'dark frame': framed_page,
    'underlined': underlined,
    'framed': framed,
    'thin pen, large canvas': lambda d, rng: pen(rng.integers(1, 4), 400, (600, 600))(d, rng),
}


def made(name, digits, seed=0):
    "Pictures of these digits, each with a random generator of its own, whatever else is made."
    return [CONDITIONS[name](d, np.random.default_rng([seed, i])) for i, d in enumerate(digits)]


# scikit-learn's digits, 8 x 8 pixels, in five ways to save them


def sklearn_ways():
    "Name -> function of an image of scikit-learn's digits, shape (8, 8), 0 to 16."
    def ten_times(a): return np.asarray(Image.fromarray((a/16).astype(np.float32))
                                        .resize((80, 80), Image.BICUBIC)).clip(0, 1)
    return {'with a margin': lambda a: picture(1 - np.pad(ten_times(a), 20)),
            'close crop': lambda a: picture(1 - ten_times(a)),
            'its negative': lambda a: picture(ten_times(a)),
            'bare 8 x 8': lambda a: picture(a/16),
            'its negative, bare': lambda a: picture(1 - a/16)}
