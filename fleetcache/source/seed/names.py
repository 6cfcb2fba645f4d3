"""Made-up people: given and family names of the region, combined at random."""

from __future__ import annotations

import numpy as np

from .days import Column
from .draws import Draws

_GIVEN = """
Agnes Aiva Alani Albert Aleka Alipate Amelia Amos Andreas Angela Anton Apolosi Arnold Asenaca
Astrid Barnabas Beatrice Benjamin Bernadette Bika Brendan Bronwyn Caleb Camille Carmel Cecilia
Charlotte Clement Conrad Daniela Darius Deborah Delwyn Dorothea Edric Elias Elijah Elsie Emele
Emmanuel Epeli Esther Etienne Eunice Fabian Felicity Filipe Florence Frieda Gareth Gideon Gloria
Grace Gregor Hana Harriet Helena Hendrik Henao Hilda Ignatius Ilisapeci Imelda Ingrid Iosefa Isaac
Isikeli Jacinta Janita Jarrod Jemima Joakim Joeli Josefa Josephine Judith Kaia Kapi Karo Kasia
Katalina Kerenga Kila Kilala Konio Kora Lahui Laisa Lancelot Leilani Leone Lilian Lino Litia Loa
Lorraine Lucian Luisa Mabel Maika Malakai Marama Marcus Marita Matilda Melanie Mere Miriam Moale
Nadia Naomi Nathaniel Niklas Noah Nola Ofa Oliver Orovu Oscar Paulus Penaia Petra Phoebe Priscilla
Ralph Raphael Rarua Rebecca Regina Rowena Rufus Ruveni Salome Samisoni Sera Serah Silas Sina Solveig
Stella Sunia Susanna Tabitha Tarcisius Tevita Thaddeus Theodora Timoci Tobias Ulamila Unaisi Ursula
Vagi Valentina Vasiti Veari Viliame Vincent Virisila Waisale Wilfred Winifred Yvette Zachary
"""

_FAMILY = """
Abercorn Airea Akunaii Amburo Andarei Anuma Apisah Arawesi Ashgrove Auvita Avosa Bagelo Balawai
Barrowdene Bataruva Bauwai Beramosi Bikama Birrawood Boiyamo Bonarua Borovili Bosgrove Bukasoi
Calderwick Carnforde Cobblethwaite Dagoru Daimari Darebo Delamoor Dobunaba Doreva Dunmarrow Eafeare
Egiloi Elworthing Emorava Eravela Evarapo Fairlockey Faleafini Fenwicket Finauvale Foroavi Gabirua
Galewara Garadesi Gavuori Gebolai Gelavoni Genabona Gorogoro Guriseni Hadenvale Haivetai Halalei
Haroveke Hebamoi Hetherwick Hiroveni Hokuloa Ikaroma Ilagivai Inaruwe Ipatasi Irimoana Jabavoru
Kabuwai Kailahura Kamovai Karemari Kariwiga Kaulamo Kavunoi Keleroma Kemarava Kidulai Kiroveli
Kobaruki Koitagu Kolivasi Korovesi Kuruveke Lagivani Lakatora Lamarua Langmeade Laurivai Lavaseni
Leatavao Lohiamo Lomaviti Lorrowby Madibaro Maiketu Malumavi Marapesi Maravuna Masivesi Mataruvi
Mavarako Meribaga Miruvosi Moalevai Morobesi Mulveston Nadarivo Naivaluka Namarosi Nasoveki
Navutari Nigerewa Northmeadow Numagari Oberleigh Ogomaiva Olewaleki Omarivo Oroveni Ovasuru Padarove
Paisavu Pangauta Pariwesi Peniamoa Pokanavi Popovera Pukariki Quillamore Rabonaki Raikivasi Rakanuma
Ravouvou Renaguli Rigamoro Rokoseva Rovaroa Ruatavi Sabarike Saemala Salavuni Samaraki Sevoveki
Sibonavi Simogera Sogavela Sorovaka Suveinaka Tabualeva Taivaliu Talemaibo Tarawoki Tarovasa Tauvesi
Tavaruki Temovalu Thornquay Tiabaro Tokavuni Tuimavale Ubaivesi Umaraki Unagivo Vaiorea Vakaduwa
Valamuri Varohesa Vatubuli Veidovi Vilasogo Vunibola Wabirari Waigonasi Wakerley Waroboki Wenavesi
Wetherlow Womarisa Yabarovu Yakunesi Yarrabeen Yomavela Zibuwasi
"""

GIVEN, FAMILY = _GIVEN.split(), _FAMILY.split()


def given_names(count: int, seed: int) -> Column:
    """One given name for each pilot."""
    return np.array(GIVEN, dtype=object)[Draws(seed, "given").below(len(GIVEN), count)]


def family_names(count: int, seed: int) -> Column:
    """One family name for each pilot."""
    return np.array(FAMILY, dtype=object)[Draws(seed, "family").below(len(FAMILY), count)]


def employee_number(identifier: int) -> str:
    """CM-004217 for 4217."""
    return f"CM-{identifier:06d}"


def email(given: str, family: str, identifier: int) -> str:
    """An address under a domain that cannot exist."""
    return f"{given.lower()}.{family.lower()}{identifier}@coralmeridian.example"


def phone(identifier: int) -> str:
    """A number of the ranges that the Australian authority keeps for fiction."""
    exchange = ("7010", "5550")[identifier // 10_000 % 2]
    return f"+61 7 {exchange} {identifier % 10_000:04d}"
