"""Facts about five countries, written down apart from the tables under test, and the blocks."""

from __future__ import annotations

import unicodedata

import numpy as np

from synthdsl.engine.streams import SlotDraws, root_keys
from synthdsl.functions.base import Argument
from synthdsl.values.types import NULL, TEXT, Type

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES")
LEFT_OUT = Argument(NULL, is_constant=True, value=None)


def words(listed: str) -> list[str]:
    return listed.split()


def text(value: str) -> Argument:
    return Argument(TEXT, is_constant=True, value=value)


def varying(type_: Type) -> Argument:
    return Argument(type_)


def block(start: int, stop: int, *, slot: str = "t.f", seed: int = 7) -> SlotDraws:
    return SlotDraws(
        seed, slot, root_keys("t", start, stop), np.arange(start, stop, dtype=np.int64)
    )


# First three digits of US ZIP codes, by state.
_ZIP3 = words(
    """AL 350-369 AK 995-999 AZ 850-865 AR 716-729 CA 900-961 CO 800-816 CT 060-069 DE 197-199 DC
200-205 FL 320-349 GA 300-319 HI 967-968 ID 832-838 IL 600-629 IN 460-479 IA 500-528 KS 660-679
KY 400-427 LA 700-714 ME 039-049 MD 206-219 MA 010-027 MI 480-499 MN 550-567 MS 386-397 MO
630-658 MT 590-599 NE 680-693 NV 889-898 NH 030-038 NJ 070-089 NM 870-884 NY 100-149 NC 270-289
ND 580-588 OH 430-459 OK 730-749 OR 970-979 PA 150-196 RI 028-029 SC 290-299 SD 570-577 TN
370-385 TX 750-799 UT 840-847 VT 050-059 VA 220-246 WA 980-994 WV 247-268 WI 530-549 WY 820-831"""
)
ZIP3 = {
    state: range(int(run[:3]), int(run[4:]) + 1)
    for state, run in zip(_ZIP3[::2], _ZIP3[1::2], strict=True)
}

_US_AREAS = """AL 205 251 256 334 659 938;AK 907;AZ 480 520 602 623 928;AR 327 479 501 870
CA 209 213 279 310 323 341 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 747 760 805 818 820 831 840 858 909 916 925 949 951
CO 303 719 720 970 983;CT 203 475 860 959;DE 302;DC 202 771
FL 239 305 321 352 386 407 561 689 727 754 772 786 813 850 863 904 941 954
GA 229 404 470 478 678 706 762 770 912 943;HI 808;ID 208 986
IL 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872
IN 219 260 317 463 574 765 812 930;IA 319 515 563 641 712;KS 316 620 785 913
KY 270 364 502 606 859;LA 225 318 337 504 985;ME 207;MD 227 240 301 410 443 667
MA 339 351 413 508 617 774 781 857 978;MI 231 248 269 313 517 586 616 679 734 810 906 947 989
MN 218 320 507 612 651 763 952;MS 228 601 662 769;MO 314 417 557 573 636 660 816 975;MT 406
NE 308 402 531;NV 702 725 775;NH 603;NJ 201 551 609 640 732 848 856 862 908 973;NM 505 575
NY 212 315 332 347 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934
NC 252 336 472 704 743 828 910 919 980 984;ND 701
OH 216 220 234 283 326 330 380 419 440 513 567 614 740 937;OK 405 539 572 580 918
OR 458 503 541 971;PA 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878;RI 401
SC 803 821 839 843 854 864;SD 605;TN 423 615 629 731 865 901 931
TX 210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 936 940 945 956 972 979
UT 385 435 801;VT 802;VA 276 434 540 571 703 757 804 826 948;WA 206 253 360 425 509 564
WV 304 681;WI 262 274 353 414 534 608 715 920;WY 307""".replace("\n", ";")
US_AREAS = {one.split()[0]: set(one.split()[1:]) for one in _US_AREAS.split(";")}

# British postcode areas outside England; SY and CH reach into Wales.
_SCOTLAND = words("AB DD DG EH FK G HS IV KA KW KY ML PA PH TD ZE")
GB_NATION = {area: {"SCT"} for area in _SCOTLAND}
GB_NATION |= {area: {"WLS"} for area in words("CF LD LL NP SA")} | {"BT": {"NIR"}}
GB_NATION |= {"SY": {"ENG", "WLS"}, "CH": {"ENG", "WLS"}}
GB_AREAS = {"London": "020", "Leeds": "0113", "Sheffield": "0114", "Nottingham": "0115"}
GB_AREAS |= {"Leicester": "0116", "Bristol": "0117", "Reading": "0118", "Birmingham": "0121"}
GB_AREAS |= {"Edinburgh": "0131", "Glasgow": "0141", "Liverpool": "0151", "Manchester": "0161"}
GB_AREAS |= {"Belfast": "028", "Cardiff": "029", "Sunderland": "0191", "Durham": "0191"}

# First two digits of German postcodes (Leitregionen), by Land.
_PLZ2 = words(
    """01 SN 02 SN 03 BB 04 SN 06 ST 07 TH 08 SN 09 SN 10-13 BE 14 BB,BE 15-16 BB 17-19 MV
20-22 HH,SH 23 SH,MV 24-25 SH 26 NI 27 NI,HB 28 HB,NI 29-31 NI 32-33 NW 34 HE,NI 35-36 HE 37 NI
38 NI,ST 39 ST 40-48 NW 49 NI,NW 50-53 NW 54-56 RP 57-59 NW 60-65 HE 66 SL,RP 67 RP 68 BW,HE
69 BW,HE 70-79
BW 80-87 BY 88-89 BW,BY 90-97 BY 98-99 TH"""
)
PLZ2 = {
    number: set(lands.split(","))
    for run, lands in zip(_PLZ2[::2], _PLZ2[1::2], strict=True)
    for number in range(int(run[:2]), int(run[-2:]) + 1)
}

# Departments of each French region; Corsican postcodes start with 20.
_REGIONS = """ARA 01 03 07 15 26 38 42 43 63 69 73 74;BFC 21 25 39 58 70 71 89 90;BRE 22 29 35 56
CVL 18 28 36 37 41 45;20R 20;GES 08 10 51 52 54 55 57 67 68 88;HDF 02 59 60 62 80
IDF 75 77 78 91 92 93 94 95;NOR 14 27 50 61 76;NAQ 16 17 19 23 24 33 40 47 64 79 86 87
OCC 09 11 12 30 31 32 34 46 48 65 66 81 82;PDL 44 49 53 72 85;PAC 04 05 06 13 83 84"""
FR_REGION = {
    department: one.split()[0]
    for one in _REGIONS.replace("\n", ";").split(";")
    for department in one.split()[1:]
}
FR_ZONE = {"IDF": {"01"}, "BRE": {"02"}, "NOR": {"02"}, "PDL": {"02"}, "CVL": {"02"}}
FR_ZONE |= {"HDF": {"03"}, "GES": {"03"}, "BFC": {"03"}, "ARA": {"04"}, "PAC": {"04"}}
FR_ZONE |= {"20R": {"04"}, "NAQ": {"05"}, "OCC": {"04", "05"}}

# Spanish provinces in the order of their two-digit number (INE), which starts the postcode.
ES_PROVINCES = words(
    """VI AB A AL AV BA PM B BU CC CA CS CR CO C CU GI GR GU SS H HU J LE L LO LU M MA MU NA OR O P
GC PO SA TF S SG SE SO T TE TO V VA BI ZA Z CE ML"""
)
_ES_AREAS = """VI 945;AB 967;A 965 966;AL 950;AV 920;BA 924;PM 971;B 93;BU 947;CC 927;CA 956
CS 964;CR 926;CO 957;C 981;CU 969;GI 972;GR 958;GU 949;SS 943;H 959;HU 974;J 953;LE 987;L 973
LO 941;LU 982;M 91;MA 951 952;MU 968;NA 948;OR 988;O 984 985;P 979;GC 928;PO 986;SA 923;TF 922
S 942;SG 921;SE 954 955;SO 975;T 977;TE 978;TO 925;V 960 961 962 963;VA 983;BI 944 946;ZA 980
Z 976;CE 956;ML 952"""
ES_AREAS = {one.split()[0]: set(one.split()[1:]) for one in _ES_AREAS.replace("\n", ";").split(";")}

POSTCODE_SHAPE = {
    "en_US": r"\d{5}",
    "en_GB": r"[A-Z]{1,2}\d{1,2} \d[ABD-HJLNP-UW-Z]{2}",
    "de_DE": r"\d{5}",
    "fr_FR": r"\d{5}",
    "es_ES": r"(0[1-9]|[1-4]\d|5[0-2])\d{3}",
}
"""Whole postcodes; the British one after BS 7666, the Spanish one after its provinces."""

# Numbers kept for fiction: a landline captures its area code, a mobile number captures nothing.
PHONE_SHAPE = {
    "en_US": (r"(\d{3})-555-01\d\d", None),
    "en_GB": (
        r"(011[3-8]|0121|01[3-6]1) 496 0\d{3}|(0191) 498 0\d{3}|(020) 7946 0\d{3}"
        r"|(028) 9649 6\d{3}|(029) 2018 0\d{3}",
        r"07700 900\d{3}",
    ),
    "de_DE": (
        r"(030) 23125\d{3}|(069) 90009\d{3}|(040) 66969\d{3}|(0221) 4710\d{3}|(089) 99998\d{3}",
        r"0171 39200\d\d|0176 040690\d\d",
    ),
    "fr_FR": (
        r"(01) 99 00 \d\d \d\d|(02) 61 91 \d\d \d\d|(03) 53 01 \d\d \d\d"
        r"|(04) 65 71 \d\d \d\d|(05) 36 49 \d\d \d\d",
        None,
    ),
    "es_ES": (r"4(9[13]) 000 \d{3}|4(9[^13] \d)00 \d{3}", None),
}


def place_agrees(locale: str, row: dict[str, str]) -> bool:
    """Whether city, state, postcode and area code of one address can belong together."""
    state, postcode, area = row["state_code"], row["postcode"], row["area_code"]
    if locale == "en_US":
        return int(postcode[:3]) in ZIP3[state] and area in US_AREAS[state]
    if locale == "en_GB":
        letters = "".join(c for c in postcode.split()[0] if c.isalpha())
        nation = GB_NATION.get(letters, {"ENG"})
        return state in nation and GB_AREAS.get(row["city"], area) == area
    if locale == "de_DE":
        return state in PLZ2[int(postcode[:2])]
    if locale == "fr_FR":
        return FR_REGION[postcode[:2]] == state and area in FR_ZONE[state]
    return ES_PROVINCES[int(postcode[:2]) - 1] == state and area in ES_AREAS[state]


_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def mail_name(locale: str, name: str) -> str:
    """A name in a-z, by translation tables rather than by the code under test."""
    lower = name.lower()
    if locale == "de_DE":
        lower = lower.translate(_GERMAN)
    decomposed = unicodedata.normalize("NFD", lower.replace("ß", "ss").replace("œ", "oe"))
    return "".join(c for c in decomposed if "a" <= c <= "z")
