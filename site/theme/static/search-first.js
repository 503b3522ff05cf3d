"use strict";

// Pages that are known to be meant stand above what the search finds: its index knows no synonyms.
{
  const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/-/g, " ").trim();
  const query = plain(new URLSearchParams(location.search).get("q") || "");
  const asked = query.split(/\s+/);
  const meant = query ? SEARCH_WORDS.filter(([words]) =>
    words.map(plain).some((word) => word === query || (word.includes(" ") ? ` ${query} `.includes(` ${word} `) : asked.includes(word)))) : [];
  if (meant.length) {
    const items = meant.slice(0, 6).map(([, title, address]) =>
      element("li", {}, element("a", { href: address, textContent: title })));
    document.getElementById("search-first").append(
      element("h2", { textContent: "Probably meant" }), element("ul", { className: "search" }, ...items));
  }
}
