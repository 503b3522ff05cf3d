"use strict";

// Pages that are known to be meant stand above what the search finds: its index knows no synonyms.
{
  const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/-/g, " ").trim();
  const query = plain(new URLSearchParams(location.search).get("q") || "");
  const asked = query.split(/\s+/);
  const meant = query ? SEARCH_WORDS.filter(([words]) =>
    words.map(plain).some((word) => word === query || (word.includes(" ") ? ` ${query} `.includes(` ${word} `) : asked.includes(word)))) : [];
  if (meant.length) {
    const list = document.createElement("ul");
    list.className = "search";
    for (const [, title, address] of meant.slice(0, 6)) {
      const link = Object.assign(document.createElement("a"), { href: address, textContent: title });
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
    const heading = Object.assign(document.createElement("h2"), { textContent: "Probably meant" });
    document.getElementById("search-first").append(heading, list);
  }
}
