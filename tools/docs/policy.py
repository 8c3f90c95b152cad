"""A policy for all pages: they run the site's own scripts and styles from its files, and nothing
else. So what stands as a style in an element or a page moves to the style sheet."""
import base64, hashlib, re

POLICY = {'default-src': "'none'", 'script-src': "'self'", 'style-src': "'self'",
          'img-src': "'self' data:", 'font-src': "'self'", 'connect-src': "'self'",
          'worker-src': "'self'", 'manifest-src': "'self'", 'base-uri': "'self'",
          'form-action': "'none'"}
ATTRS = r'(?:[^<>"]|"[^"]*")*'


def without_styles(text, css):
    "A page's HTML with classes in place of style attributes; their styles are added to `css`."
    def named(match):
        before, style, after = match.groups()
        name = 'st-' + hashlib.sha256(style.encode()).hexdigest()[:8]
        css[name] = f'.{name}.{name}.{name}{{{style}}}'   # As strong as an attribute
        tag = before + after
        if ' class="' in tag: return tag.replace(' class="', f' class="{name} ', 1)
        return re.sub(r'^<[\w-]+', rf'\g<0> class="{name}"', tag)
    def sheet(match):
        css[match[1]] = match[1]
        return ''
    text = re.sub(r'(?s)<style[^>]*>(.*?)</style>', sheet, text)
    return re.sub(rf'(<[a-z][\w-]*{ATTRS}?) style="([^"]*)"({ATTRS}>)', named, text)


def with_policy(text):
    "A page's HTML with the policy at its head, which names the page's own scripts by their sums."
    def sum_of(script): return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = ''.join(f" 'sha256-{sum_of(script)}'" for script in
                  re.findall(r'(?s)<script>(.*?)</script>', text))
    policy = POLICY | {'script-src': POLICY['script-src'] + own}
    content = '; '.join(f'{kind} {sources}' for kind, sources in policy.items())
    return text.replace('<head>', f'<head><meta http-equiv="Content-Security-Policy" '
                                  f'content="{content}">', 1)
