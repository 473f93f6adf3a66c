#!/bin/sh
# Makes site/ from content/: a page for each text file, whose first line is its title.
set -eu
version=$(cat VERSION)
rm -rf site
mkdir -p site/pages

navigation=
for text in content/*.txt; do
  name=$(basename "$text" .txt)
  navigation="$navigation<a href=\"/$name.html\">$(head -n 1 "$text")</a> "
done

for text in content/*.txt; do
  title=$(head -n 1 "$text")
  body=$(tail -n +2 "$text" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/.*/<p>&<\/p>/' | tr '\n' ' ')
  # Each replacement is text: & and | mean something to sed, so they are escaped.
  escape() { printf '%s' "$1" | sed 's/[&|\\]/\\&/g'; }
  sed -e "s|@TITLE@|$(escape "$title")|g" -e "s|@NAVIGATION@|$(escape "$navigation")|" \
    -e "s|@BODY@|$(escape "$body")|" -e "s|@VERSION@|$(escape "$version")|" \
    template.html >"site/pages/$(basename "$text" .txt).html"
done

printf '{"version":"%s"}' "$version" >site/pages/version
printf 'ok' >site/pages/healthz
cp nginx.conf start.sh site/
echo "built version $version: $(ls site/pages/*.html | wc -l) pages"
