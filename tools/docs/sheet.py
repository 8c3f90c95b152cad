"""One style sheet for all pages: of Bootstrap, its icons and smalldocs what some page uses, then
the course's own. A page would load 360 KB of them before it shows a word, and needs a sixth."""
import re, shutil, subprocess

from fontTools import subset

from docs.stage import SITE

LIBS = ['themes/default.min.css', 'bootstrap-icons/bootstrap-icons.min.css', 'smalldocs.css']
# What smalldocs loads for a page's look, and what decides on light or dark before it is drawn
LINK = (r'<link rel="stylesheet" '
        r'href="[^"]*(?:/themes/|bootstrap-icons|smalldocs\.css|styles\.css)[^>]*>')
SHEET, ICONS = 'course.css', 'site_libs/icons.woff'
# What the site's switch and its search are called
NAMES = [('[data-bs-theme=dark]', '.quarto-dark'), ('.smalldocs-search-results', '.course-results'),
         ('.smalldocs-search', '.course-search')]
KEPT = ['show', 'collapse', 'collapsed']   # Classes that site.js gives to what opens and closes


def ours(css):
    "Styles with the site's own names, without fonts of another host."
    css = re.sub(r'@import url\(.*?\);', '', css)
    for theirs, name in NAMES: css = css.replace(theirs, name)
    return css


def icons(css, font):
    "Replace the font of all icons by one of those that `css` names, written to `font`."
    named = [int(code, 16) for code in re.findall(r'content:\s*"\\(f[0-9a-f]{3})"', css)]
    full = font.parent/'bootstrap-icons'/'fonts'/'bootstrap-icons.woff'
    options = subset.Options(flavor='woff', notdef_outline=True)
    whole = subset.load_font(str(full), options)
    some = subset.Subsetter(options)
    some.populate(unicodes=named)
    some.subset(whole)
    subset.save_font(whole, str(font), options)
    face = f'@font-face{{font-family:"bootstrap-icons";src:url({ICONS});font-display:block}}'
    return re.sub(r'@font-face\s*{[^}]*bootstrap-icons[^}]*}', face, css, count=1)


def elements(site):
    "The elements of all pages without their words, each once, as HTML."
    pages = site.rglob('*.html')
    tags = {tag for f in pages for tag in re.findall('<[a-z][^>]*>', f.read_text(encoding='utf-8'))}
    unused = ' (?!class|id|type|role)[a-z-]+="[^"]*"'
    return ' '.join(re.sub(unused, '', tag) for tag in sorted(tags))


def purged(css, content):
    "The styles of a file that some element uses, in its place."
    purge = SITE/'node_modules'/'.bin'/'purgecss'
    subprocess.run([purge, '--css', css, '--content', *content, '--safelist', *KEPT,
                    '--output', css], check=True, stdout=subprocess.DEVNULL)


def sheet(site, more=''):
    "Write the style sheet, with more styles at its end, and take away what it is made of."
    libs = site/'site_libs'
    out = site/SHEET
    out.write_text('\n'.join(ours((libs/name).read_text(encoding='utf-8')) for name in LIBS),
                   encoding='utf-8')
    used = site/'elements.html'
    used.write_text(elements(site), encoding='utf-8')
    content = [used, site/'site_libs'/'smalldocs.js', f'{site}/site/**/*.js']
    for css in (out, libs/'katex'/'katex.min.css'): purged(css, content)
    used.unlink()
    css = icons(out.read_text(encoding='utf-8'), site/ICONS)
    own = (site/'styles.css').read_text(encoding='utf-8')
    css = re.sub(r'(?s)/\*(?!!).*?\*/', '', f'{css}\n{own}\n{more}')   # comments, but for licences
    out.write_text(re.sub(r'\n\s*', '\n', css), encoding='utf-8')
    for name in ('themes', 'bootstrap', 'bootstrap-icons', 'fuse'): shutil.rmtree(libs/name)
    for f in (libs/'smalldocs.css', site/'styles.css'): f.unlink()
