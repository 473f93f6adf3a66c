#!/bin/sh
# Follows every link of every page and writes the results as JUnit XML.
set -eu
mkdir -p reports
tests=0
failures=0
cases=
for page in site/pages/*.html; do
  for link in $(tr '"' '\n' <"$page" | grep '^/.*html$'); do
    tests=$((tests + 1))
    name="$(basename "$page") leads to $link"
    if [ -f "site/pages$link" ]; then
      cases="$cases<testcase classname=\"links\" name=\"$name\"/>"
      echo "ok      $name"
    else
      failures=$((failures + 1))
      cases="$cases<testcase classname=\"links\" name=\"$name\"><failure message=\"no such page\"/></testcase>"
      echo "broken  $name"
    fi
  done
done
printf '<testsuite name="links" tests="%d" failures="%d">%s</testsuite>\n' "$tests" "$failures" "$cases" >reports/links.xml
[ "$tests" -gt 0 ] && [ "$failures" -eq 0 ]
