"""The words for a sex, in the languages of Europe's and some of Asia's tables; the one list for all that is read."""

from __future__ import annotations

import unicodedata

_AROUND = "\0. \t\n\r\f\v"  # what files leave around a word
_WORDS = {  # case-folded
    "female": "f fem female girl woman lady w weibl weiblich mädchen maedchen frau féminin feminin féminine feminine"
    " femme fille femenino femenina mujer niña nina feminino feminina menina mulher femmina femminile donna bambina"
    " vrouw vrouwelijk meisje kvinna kvinde kvinne flicka pige jente nainen tyttö kobieta dziewczynka kadın kadin kız"
    " kiz žena ж жен женский девочка 女 女性 女子 여 여성 여자",
    "male": "m male boy man mann männl männlich maennlich junge herr masculin masculine homme garçon garcon masculino"
    " hombre varón varon niño nino menino homem maschio maschile uomo bambino mannelijk jongen pojke dreng gutt"
    " mies poika mężczyzna chłopiec erkek muž м муж мужской мальчик 男 男性 男子 남 남성 남자",
    "unknown": "u o unk unknown other na nan n/a none null - ? divers unbekannt inconnu desconocido onbekend",
}
SEXES = {name: frozenset(words.split()) | ({""} if name == "unknown" else set()) for name, words in _WORDS.items()}


def plain(word: str) -> str:
    """A word as it stands in `SEXES`: case-folded, without what surrounds it."""
    return unicodedata.normalize("NFKC", word).casefold().strip(_AROUND)
