"""Short children's stories, made by filling hand-written frames with words.

    python data/recipes/stories.py OUT    # train, validation and test as parquet

A plot is a row of beats, and each beat is written in two or three ways, its frames.
To tell a story, pick a plot, pick one frame for each beat, and fill the slots:

    {toy}          a word from the table of that name, the same all through a story
    {toy2}         a second word from the same table, never equal to the first
    {fine toy}     the word with an adjective that fits it: "paper kite"
    {a fine toy}   the same with its article: "a paper kite", "an iron key"
    {Toy}          the same word with a capital letter
    {sad} {cried}  a style word, drawn anew each time it is used

Frames are written as if the hero were a boy and everyone else a girl. The hero's own
pronouns are {he} {him} {his} {himself}; everyone else's are {she} {her} {hers}, where
{hers} stands for the "her" in "her hat". When the hero is a girl, all of them turn
round. So in every story "he" and "she" each point to one side only.
"""

import random
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow
from pyarrow import parquet

GIRLS = """Ada Amara Anya Bella Carla Clara Dina Edith Elsa Emma Fatima Freya Greta Hana
Hilda Ida Ines Jana Julia Kira Lena Lina Lucy Maya Mina Mira Nadia Nell Nora Olga Petra
Priya Rita Rosa Ruth Sana Selma Sofia Tara Thea Uma Vera Wanda Yara Zoe""".split()
BOYS = """Adam Ali Anton Arlo Ben Bruno Carl Daniel Dario Emil Erik Felix Finn Hugo Ivan
Jakob Karim Kofi Leo Levi Luca Malik Marco Max Milo Noah Omar Oscar Otto Paul Pedro
Rafael Ravi Sami Samuel Simon Tariq Theo Tim Tom Victor Walter Yusuf Zeno""".split()
# The animals of the wood have names of their own.
SHE_ANIMALS = """Bramble Clover Dapple Dotty Fern Freckle Juniper Maple Minty Mossy
Nutmeg Pebble Pepper Poppy Primrose Sorrel Tansy Twinkle Velvet Willow""".split()
HE_ANIMALS = """Acorn Barley Bodger Bracken Burdock Button Cobble Conker Dusty Fidget
Flint Nettle Pip Rusty Scamper Teasel Thimble Tuft Whisker Wick""".split()
PRONOUNS = {
    "he": ("he", "him", "his", "himself"),
    "she": ("she", "her", "her", "herself"),
}
# The family is of the other gender than the hero, so that no "she" has two owners.
KIN = {
    "he": "father, grandfather, uncle, great-uncle, godfather, big brother".split(", "),
    "she": "mother, grandmother, aunt, great-aunt, godmother, big sister".split(", "),
}
ELDER = {"he": "grandfather", "she": "grandmother"}

# One table per slot: entries are parted by commas, adjectives that fit the entry stand
# in brackets. A table with several slots in its name has rows, whose cells belong
# together: the third day is followed by the fourth.
WORDS = {
    "toy": """kite (paper silk), ball (rubber striped), drum (tin painted), puppet
    (woolly funny), teddy bear (fluffy patched), yo-yo (plastic scarlet), spinning top
    (bright round), whistle (silver shrill), harmonica (dented shiny), compass (brass
    trusty), lantern (copper tiny), music box (carved precious), notebook (leather
    thick), sketchbook (square yellow), storybook (worn beautiful), skipping rope (long
    knotted), umbrella (purple checked), rucksack (canvas roomy), camera (cheap sturdy),
    telescope (folding brass), magnifying glass (strong round), toy boat (wooden
    smooth), toy train (green clockwork), tin soldier (stiff brave), paintbox (colourful
    large), pencil case (zipped narrow), tambourine (jingling oval), picnic basket
    (wicker handy), blanket (cosy tartan), seashell (pink curly), bracelet (beaded
    pretty), mask (feathered grinning), butterfly net (light white), snow globe (glass
    dreamy), doll (rag wooden), flute (bamboo slender), pocket mirror (oval clear),
    jigsaw (difficult giant), water bottle (metal blue), hand bell (golden little),
    skittle (polished heavy), fan (folded ivory), flag (faded triangular), toy horse
    (spotted stuffed), stamp album (neat fat), rag rabbit (floppy velvet), kaleidoscope
    (dazzling costly), boomerang (curved swift)""",
    "craft": """birdhouse (wooden tiny), bookmark (long ribboned), paper crown (golden
    jagged), paper lantern (glowing round), birthday card (folded cheerful), candle
    holder (clay lumpy), cardboard castle (grey grand), pinwheel (spinning striped),
    picture frame (crooked shiny), paper garland (long colourful), paper boat (proud
    white), clay bowl (shallow dotted), walnut boat (wee clever), button bracelet
    (bright clicking), lavender bag (fragrant tiny), pincushion (stuffed prickly),
    feather fan (airy soft), finger puppet (woollen silly), acorn necklace (brown
    rattling)""",
    "vase": """vase (slender Chinese), teapot (round flowery), jug (tall earthen),
    mirror (framed antique), lamp (porcelain green), sugar bowl (dainty pink), flowerpot
    (red Italian), teacup (thin gold-rimmed), china dog (glossy proud), egg cup (tiny
    speckled), statue (plaster graceful), biscuit jar (fat yellow), bowl (glazed
    wide)""",
    "tool": """hammer (heavy iron), mallet (wooden clumsy), saw (sharp rusty), spade
    (short strong), ladder (long wobbly), wheelbarrow (squeaking loaded), toolbox (metal
    dented), chisel (keen narrow), drill (hand old), crowbar (bent mighty)""",
    "wear": """hat (straw floppy), cap (velvet flat), scarf (knitted endless), coat
    (woollen buttoned), jumper (thick itchy), shawl (fringed silky), apron (starched
    checked), waistcoat (tight embroidered), cloak (hooded heavy), jacket (corduroy
    patched), bonnet (lacy frilly), raincoat (oilskin yellow)""",
    "snack": """bun (sticky warm), muffin (blueberry fresh), pancake (thin sugared), pie
    (crusty golden), honey cake (brown fragrant), sandwich (cheese thick), plum tart
    (juicy flat), cheese roll (crisp toasted), waffle (crunchy sweet), pretzel (salty
    twisted), oatcake (coarse nutty), biscuit (ginger spicy), dumpling (soft round),
    bagel (chewy plain), apple (red crisp), peach (ripe downy), pear (yellow mellow),
    orange (huge fragrant), banana (speckled curved), carrot cake (moist orange),
    doughnut (jammy plump)""",
    "fruits": """cherries (dark shiny), plums (purple ripe), walnuts (crinkled dry),
    apples (rosy crisp), grapes (green sour), hazelnuts (brown smooth), figs (soft
    sweet), apricots (velvety orange), blackberries (juicy wild), raspberries (tender
    red), chestnuts (glossy plump), pears (yellow mellow), strawberries (fragrant
    fresh), gooseberries (hairy tart), almonds (pale crunchy), blueberries (tiny
    blue)""",
    "soup": """tomato soup, pumpkin soup, barley soup, lentil stew, bean stew, noodle
    soup, potato soup, onion soup, mushroom soup, pea soup, vegetable curry, chicken
    broth, fish stew""",
    "dish": """porridge, rice pudding, tomato soup, mashed potato, macaroni, buttered
    toast, barley soup, apple sauce, bean stew, bread and cheese, cucumber salad,
    pumpkin soup, lentil stew""",
    "drink": """lemonade, hot cocoa, apple juice, cold milk, ginger tea, elderflower
    water, buttermilk, mint tea, cherry juice""",
    "flowers": """roses, tulips, lilies, daisies, geraniums, tomatoes, beans, cucumbers,
    herbs, violets, lettuces, peonies, dahlias, ferns, pansies, marigolds, radishes,
    cabbages""",
    "plant": """sunflower (tall golden), pumpkin (giant round), bean (climbing strong),
    poppy (scarlet delicate), melon (heavy striped), marigold (orange sturdy), tomato
    (bushy red), cucumber (crawling green), foxglove (speckled stately), cornflower
    (blue bold), lupin (purple upright), pea (curly sweet)""",
    "tree": """oak, beech, birch, maple, lime, chestnut, willow, elm, ash, pine, fir,
    larch, walnut, apple, cherry, pear, plum, alder, hazel, rowan, poplar, cedar""",
    "place": """the old mill, the village well, the stone bridge, the bakery, the
    smithy, the school gate, the market square, the church, the library, the post
    office, the railway station, the bus stop, the lighthouse, the harbour, the
    boathouse, the fish market, the orchard, the vineyard, the cherry grove, the hay
    barn, the stable, the duck pond, the waterfall, the quarry, the windmill, the ruined
    castle, the watchtower, the town hall, the clock tower, the museum, the playground,
    the football field, the rose garden, the greenhouse, the garden shed, the beehives,
    the sheep pen, the chicken coop, the wheat field, the pumpkin patch, the meadow, the
    birch wood, the pine forest, the hollow oak, the crossroads, the milestone, the
    canal, the toy shop, the fountain, the bandstand, the theatre, the campsite, the
    sand dunes, the rock pools, the pier, the smugglers' cave, the chapel, the inn, the
    tea room, the weaver's cottage, the fire station, the zoo, the tram stop, the
    heath""",
    "water": """the lake, the river, the millpond, the bay, the lagoon, the reservoir,
    the deep pool""",
    "worker": """baker (plump jolly), blacksmith (broad sooty), carpenter (careful
    quiet), tailor (thin neat), gardener (sunburnt patient), miller (floury sleepy),
    potter (gentle dusty), shoemaker (bald busy), weaver (nimble silent), painter
    (cheerful messy), beekeeper (calm tanned), letter carrier (hasty friendly), ferry
    captain (gruff bearded), doctor (wise tired), vet (kind young), shepherd (lonely
    weathered), clockmaker (exact grey-haired), cook (fat hearty), musician (merry
    poor), lighthouse keeper (stern old), florist (dreamy fragrant), bus driver
    (talkative stout)""",
    "farm": """lamb (woolly white), calf (brown clumsy), donkey (grey gentle), pony
    (shaggy small), foal (leggy young), kid (black frisky), piglet (pink round), heifer
    (red-brown mild)""",
    "beast": """goat (bearded white), donkey (grey lazy), mule (brown wilful), ram
    (horned woolly), pony (stout shaggy), billy goat (smelly proud)""",
    "herd": "sheep, goats, cows, geese, ponies, donkeys, pigs, calves, llamas, turkeys",
    "pet": """cat (tabby lazy), kitten (ginger playful), dog (loyal shaggy), puppy
    (naughty spotted), poodle (curly vain), terrier (wiry bold), spaniel (silky
    floppy-eared), dachshund (long low), sheepdog (clever scruffy), tomcat (fat
    striped)""",
    "wild feed": """rabbit (timid brown)|carrot, fawn (dappled slender)|pear, hedgehog
    (prickly round)|plum, squirrel (bushy-tailed red)|hazelnut, field mouse (bright-eyed
    tiny)|crumb, hare (long-eared swift)|turnip, stray cat (bony black)|sardine, raccoon
    (masked curious)|grape, pine marten (silky lean)|walnut, chipmunk (striped
    quick)|peanut, otter cub (sleek playful)|herring, fox cub (rusty cautious)|egg,
    badger cub (stocky striped)|windfall apple, wild pony (shy dun)|sugar lump""",
    "bird": """blackbird (bold yellow-beaked), robin (plump red), sparrow (cheeky
    brown), swallow (graceful fork-tailed), finch (busy green), starling (speckled
    noisy), thrush (spotted tuneful), wren (tiny loud), magpie (vain glittering), lark
    (merry soaring), wagtail (nervous black)""",
    "fish": """trout (silver speckled), carp (golden ancient), perch (striped spiny),
    pike (long fierce), salmon (pink mighty), bream (flat bronze), tench (slimy
    olive)""",
    "fowl": """duckling (yellow damp), gosling (fluffy grey), cygnet (downy pale), baby
    grebe (striped tiny), baby diver (dark soft)""",
    "giant": "bear, wolf, lynx, wild boar, stag, elk, bison",
    "species": """mouse (brown nimble), hedgehog (prickly plump), squirrel (red lively),
    rabbit (white fluffy), badger (striped sturdy), mole (black velvety), shrew (tiny
    sharp-nosed), dormouse (sleepy golden), vole (round short-tailed), hare (lanky
    long-eared), hamster (chubby greedy), raccoon (masked curious), marten (slim silky),
    chipmunk (striped cheerful)""",
    "monster": "ghost, ogre, troll, goblin, dragon, witch, sea serpent",
    "shape": """whale, elephant, dragon, cow, camel, swan, snail, rabbit, owl, horse,
    pig, hen, turtle, lion, walrus, penguin""",
    "role": """wizard, dragon, captain, knight, owl, giant, wolf, lion, moon, judge,
    robber""",
    "topic": """pirates, whales, volcanoes, comets, dragons, knights, castles,
    dinosaurs, submarines, planets, insects, mountains, deserts, glaciers, explorers,
    jungles, sharks, inventors""",
    "noise cause": """tap tap tap|a branch at the window, drip drip drip|a leaking tap,
    creak and creak|an old rocking chair in the draught, scratch scratch scratch|a mouse
    behind the cupboard, rattle and clink|a loose shutter, thump and thump|a dog wagging
    its tail against a door, squeak and squeak|a weathercock that needed oil, buzz and
    bump|a beetle in a lampshade, crunch and crackle|a hedgehog in the biscuit tin,
    whirr and click|a clock that would not strike, hiss and bubble|a kettle on the
    stove""",
    "illness": """measles, chickenpox, a fever, a bad cough, the flu, mumps, a sore
    throat""",
    "colour": "red, blue, green, yellow, purple, orange, grey, violet, silver, crimson",
    "three fourth": "three|fourth, four|fifth, five|sixth, six|seventh, eight|ninth",
    "weekday": "Monday, Tuesday, Wednesday, Thursday, Friday",
    "month": "April, May, June, July, August, September, October",
    "when": """one {sunny} morning, one {sunny} afternoon, one {sunny} day in {month},
    early one {weekday}, on {a sunny} {weekday}, late in {month}, last {weekday}, the
    day after the fair, on the last day of {month}, one morning after breakfast, one
    afternoon after lunch, on market day, just after sunrise, shortly before noon, one
    day before the harvest, on the first day of the holidays""",
}
# Style words stand for no person or thing, so each use may draw another one.
STYLE = {
    "sunny": """sunny, bright, breezy, warm, mild, clear, misty, cloudy, cool, fresh,
    windy""",
    "sad": "sad, unhappy, miserable, gloomy, sorrowful, wretched, downhearted",
    "scared": "scared, afraid, frightened, terrified",
    "cross": "cross, angry, grumpy, annoyed, sulky, furious",
    "big": "big, large, huge, enormous",
    "dirty": "dirty, muddy, dusty, grimy, filthy",
    "looked": "looked, stared, gazed, blinked, peered",
    "cried": "cried, shouted, called, exclaimed",
    "softly": "softly, gently, quietly, kindly",
    "smiled": "smiled, grinned, beamed, laughed",
}

# In the plots, "=" stands before a title and "*" before a beat, and a slash parts the
# frames of a beat. Every frame must fit every frame of the other beats.
CHILD_PLOTS = """
= lost and found
* {When}, {hero} took {his} {fine toy} to {place} and stayed there for hours. / {Hero}
  had {a fine toy}. {When}, {he} carried it all the way to {place}.
* On the way home, {his} hands were empty. "Where is my {toy}?" {he} {cried}. / Halfway
  home {he} felt in {his} bag. "I have lost my {toy}!" {he} {cried}.
* {Friend} came running. "We will look together," {she} said. / {He} was so {sad} that
  {he} ran to {friend}. {She} listened and said, "Four eyes see more than two."
* They looked under every bush and behind every wall, but they found nothing. / They
  asked {a worker} by the road, but the {worker} had seen only {a fine bird}. / They
  searched the ditch, then the hedge, and then the muddy path.
* Then {friend} stopped beside a hollow log. Inside it lay the {toy}, a little damp but
  not broken. / Suddenly {hero} saw {a bird2} hopping around something in the long
  grass. It was the {toy}!
* "Thank you," said {hero}, and {he} held it tightly all the way home. / {Hero} laughed.
  After that, {he} always looked twice before {he} left a place.
= the promise kept
* {Hero}'s {kin} had to go away. "Will you water my {flowers}?" {she} asked. / "I must
  travel," said {hero}'s {kin}. "Who will care for my {flowers}?"
* "I will, every evening," said {hero}, and {she} gave {him} the key to the gate. /
  {Hero} put a hand on {his} heart. "I promise to water them every evening," {he} said.
* For {three} days it was easy. Then {friend} called over the wall, "Come and swim with
  us!" / But on the {fourth} day {friend} knocked at the door. "Come to the fair!"
* {Hero} wanted to go. But {he} saw the dry earth, and {he} remembered {his} promise. /
  {His} feet were already on the road when {he} thought of the thirsty {flowers}.
* "First the garden, then the fun," {he} said, and {he} carried water until sunset. /
  "Go without me," {he} said, and {he} filled the can until {his} arms ached.
* When {his} {kin} came home, every leaf was green. "You kept your word," {she} said,
  and {she} gave {him} {a fine snack}. / {His} {kin} came home and found not one dry
  leaf. "I knew that I could trust you," {she} said.
= the storm
* Black clouds hung over {place}. {Hero} watched them with {his} {kin}. / {Hero} was
  eating {dish} with {his} {kin} when the first thunder rolled over {place}.
* Wind pulled at the shutters, and rain drummed on the roof. {Hero} felt {scared}. /
  Lightning lit up the kitchen. {Hero} crept under the table and covered {his} ears.
* Then {he} heard a thin cry. "That is our {farm}!" {he} said. "It must be outside!" /
  Something cried in the dark. "Our {fine farm} is outside!" {he} {cried}.
* {His} {kin} took the lantern, and {he} took {hers} hand. Together they ran into the
  rain. / {He} pulled on {his} boots. {His} {kin} came after {him} with a lantern.
* The {farm} stood trembling under {a tree} tree. It would not move until {hero} spoke
  to it {softly}. / They found it beside the gate, wet and shaking. {Hero} put {his}
  coat around it and led it home.
* "Were you not afraid?" asked {his} {kin}. "I had no time," said {hero}. / Soon it
  slept in the straw. "You were brave," said {his} {kin}, and the thunder was gone.
= the race
* Every summer the children raced from {place} to {place2}. {Hero} had won it twice. /
  On the day of the great race, {hero} stood in the first row near {place}.
* "Nobody can catch me," {he} told {friend}. {She} only tied {hers} shoes. / {He} was
  the fastest of all. "You will see only my back," {he} told {friend}.
* The {worker} blew a whistle, and {hero} flew ahead like {a fine bird}. / "One, two,
  three!" {cried} the {worker}. Dust rose, and {hero} was in front at once.
* Halfway there, {friend} tripped over a root. {She} held {hers} knee, and tears ran
  down {hers} cheeks. / Close behind {him}, {friend} slipped on a stone and fell. "My
  foot!" {she} {cried}.
* {Hero} saw the finish in front of {him}. Then {he} looked back, and {he} stopped. /
  {He} could see the ribbon at the end. But {he} turned around and ran the wrong way.
* "Lean on me," {he} said. They crossed the line together, last of all, and everyone
  cheered. / {He} lifted {her} onto {his} back. They came in last, but nobody laughed.
* The {worker} gave each of them {a fine snack}, and that was better than a medal. /
  "You lost," said {friend}. "No," said {hero}, "today I think I won."
= the shy animal
* Near {place} lived {a fine wild} that feared everyone. {Hero} saw it every day. /
  {When}, {hero} saw {a fine wild} near {place}. It {looked} at {him} and fled.
* "How can I be its friend?" {he} asked {his} {kin}. "Sit still and wait," {she} said. /
  {He} told {his} {kin} about it. "Do not chase it," {she} said. "Let it come to you."
* So every day {hero} sat in the grass with {a feed} in {his} open hand. / So {he} took
  {a feed} with {him}, sat down under {a tree} tree, and waited.
* For {three} days the {wild} stayed away. On the {fourth} it came one step nearer. /
  The {wild} watched {him} from the shadows. Each day it came a little closer.
* At last it crept up and took the {feed} from {his} fingers. Its nose was cold. / At
  last it stood beside {him}. It sniffed {his} hand, and then it ate the {feed}.
* {Hero} hardly dared to breathe. "Hello, friend," {he} whispered. / "You see," {his}
  {kin} said that evening, "slow feet find shy friends."
= sharing food
* {When}, {hero} and {friend} walked to {place}. {Hero} carried {a fine snack} in {his}
  bag. / {Hero} had {a fine snack} for lunch. {When}, {he} and {friend} took their bags
  and went to {place}.
* When they sat down to eat, {friend} turned red. "I left my lunch on the table," {she}
  said {softly}. / They were hungry. But {friend} put {hers} hand into {hers} bag and
  found only a hole.
* {Hero} looked at {his} {snack}. {He} had waited for it all morning. / {Hero} held the
  {snack} close. It smelled so good! Was there enough for two?
* {He} thought for a moment. Then {he} broke it in two and gave {her} the bigger half. /
  "Half for you and half for me," {he} said, and {he} cut it down the middle.
* They ate slowly in the sun. "It tastes better this way," said {hero}, and it was true.
  / {Friend} {smiled} with {hers} mouth full. A crumb fell down, and {a bird} took it.
* The next day {friend} brought {a fine snack2}. Guess who got half of it! / After that
  they always packed one lunch for two.
= the broken fence
* In the night the wind blew down the fence near {place}. By morning the {herd} of the
  old farmer were on the road. / {Hero} woke up because something was chewing outside.
  The farmer's {herd} stood among the roses!
* "My fence is broken," sighed the farmer, "and my back is too stiff to mend it." / The
  farmer ran after them, waving {a fine wear}. "The fence is down!" {she} panted.
* "I can mend it," said {hero}. {He} fetched {a fine tool} and called {friend}. / {Hero}
  had {a fine tool}, and {friend} had a bag of nails. "We will help you," they said.
* At first nothing went right. {Friend} hit {hers} thumb, and a board fell on {hero}'s
  toes. / The first post leaned left, and the second leaned right. {Friend} sighed.
* "You hold and I hammer," said {hero}. After that the work went quickly. / Then {she}
  held each board straight while {he} drove in the nails.
* By evening the fence stood firm, and the {herd} were safe behind it. / When the last
  board was in place, the {herd} trotted back, one by one.
* The farmer brought them {drink}. "Now it is better than before," {she} said. / "It
  will stand for years," said {hero}, and {he} wiped {his} {dirty} hands on the grass.
= learning to swim
* The other children jumped into {water}, but {hero} sat on the bank. {He} could not
  swim. / {Hero} could run and climb, but in {water} {he} went only up to {his} knees.
  {He} could not swim.
* "Come, I will teach you," said {his} {kin}, and {she} held out {hers} hand. / One hot
  day {his} {kin} sat down beside {him}. "Shall we try it together?" {she} asked.
* The water was cold. {Hero} kicked and coughed. "I will sink!" {he} {cried}. / A wave
  splashed over {him}, and {he} ran back to the shore. {He} was {scared}.
* "Lie on your back like a leaf," {she} told {him}. "Leaves never sink." / {She} did not
  laugh. "The water will carry you," {she} said, "if you stop fighting it."
* So {he} lay back. {Hers} hand was under {him}, and {he} grew calm. / They practised
  for {three} days. {He} learned to float, to kick, and to use {his} arms.
* On the last day {he} turned {his} head. {His} {kin} stood far away. {He} was swimming
  alone! / On the last day {she} let go, and {he} did not notice. {He} was swimming
  alone!
* "I am a fish!" {he} {cried}, and nobody could get {him} out before supper. / {He} swam
  back to {her} with a proud face. "Again!" {he} said.
= the lie taken back
* {Hero} threw a ball in the kitchen. It hit the {fine vase} of {his} {kin}, and the
  {vase} broke. / One rainy day {hero} danced around the room. {His} elbow bumped the
  {fine vase} of {his} {kin}, and it broke.
* {His} {kin} came in and saw the pieces on the floor. "Who did this?" {she} asked. /
  Steps came to the door. "What was that noise?" asked {his} {kin}.
* "It was the cat," said {hero}. The words were out before {he} could stop them. /
  {Hero}'s face turned hot. "The cat jumped on the shelf," {he} said.
* The cat was put out into the rain. In bed {hero} heard it mew, and {he} could not
  sleep. / The cat got no milk that evening. {Hero} lay awake, and the lie lay in {his}
  stomach like a stone.
* At last {he} went to {his} {kin}. "It was not the cat," {he} whispered. "It was me." /
  Then {he} got up and knocked at the door. "I told you a lie," {he} said.
* "{A vase} can be glued," {she} said, "and now the truth is whole again." / {She} was
  silent for a while. "That was hard to say," {she} told {him}. "Thank you."
* The cat got a dish of cream, and {hero} poured it out {himself}. / In the morning {he}
  begged the cat's pardon, and it purred.
= the noise in the night
* In the middle of the night {hero} woke up. Something went {noise}. / It was long past
  midnight. {Noise}, it went in the dark, and {hero} opened {his} eyes.
* {He} pulled the blanket up to {his} nose. Was it {a monster}? / "Perhaps it is {a
  monster}," {he} thought, and {he} felt {scared}.
* There it was again: {noise}! {Hero} jumped up and ran to {his} {kin}. / {He} tiptoed
  to the bed of {his} {kin}. "There is something in the house," {he} whispered.
* "Let us go and meet it," {she} said, and {she} lit a candle. / {She} yawned and took
  the lamp. "Noises grow in the dark," {she} said. "Let us make this one smaller."
* They crept down the stairs, and {hero} opened the last door. It was only {cause}! /
  They crept down the stairs. "There is your {monster}," said {his} {kin}, and {she}
  held up the light. It was {cause}.
* When {he} was back in bed, {he} heard it once more. {He} {smiled} and fell asleep. /
  After that night {hero} was never {scared} of it again. {He} even missed it later.
= the birthday forgotten
* {Hero} was brushing {his} teeth when {he} froze. It was {friend}'s birthday, and {he}
  had forgotten it! / {Friend} had been quiet all day. Only in the evening did {hero}
  remember why: it was {hers} birthday!
* The shops were closed. "What can I do now?" {he} asked {his} {kin}. / {He} had no
  present, and it was nearly dark. {He} ran to {his} {kin}.
* "Make something with your own hands," said {his} {kin}. / "The best gifts are not in
  shops," said {his} {kin}, and {she} brought {him} a box of scraps.
* {He} cut and glued until {he} had {a fine craft} with {friend}'s name on it. / When
  the clock struck eight, {he} had {a fine craft}. Nobody in the world had one like it.
* {He} ran through the dark to {friend}. "I forgot, and I am sorry," {he} said. / {He}
  knocked at {friend}'s door. "I am late," {he} said, "but look!"
* {Friend} turned the {craft} in {hers} hands and {smiled}. "You remembered before
  midnight," {she} said. "That counts." / {Friend} put the {craft} beside {hers} bed,
  where {she} could see it first every morning.
= the stubborn goat
* {When}, {hero} had to lead {a fine beast} to {place}. / {Hero}'s {kin} owned {a fine
  beast}. {When}, {she} asked {him} to take it to {place}.
* All went well until they came to the old bridge. There the {beast} would not take one
  more step. / At the old wooden bridge it planted its feet on the ground and stopped.
* {Hero} pulled at the rope. {He} even offered it {a snack}. / "Come on!" begged {hero}.
  {He} sang to it, {he} scolded it, and {he} held {a snack} under its nose.
* The {beast} only shook its ears. "You stubborn thing!" {he} {cried}, and {he} stamped
  {his} foot. / It {looked} at the sky and chewed. {Hero} was so {cross} that {he}
  kicked a stone into the river.
* Then there was a loud crack, and the middle of the bridge fell into the water. / Then
  {friend} came along and knelt on the planks. "Look, the wood is rotten," {she} said.
  "You would have fallen in!"
* {Hero} put {his} arms around the {beast}. "You are not stubborn," {he} said. "You are
  clever." / {Hero} turned pale. {He} stroked its neck, and {he} let it choose the way.
= the first snow
* {Friend} came from a hot country, and {she} had never seen snow. "What is it like?"
  {she} asked {hero}. / {Friend} had grown up beside a warm sea. Snow was only a word to
  {her}, until {she} met {hero}.
* "It is white, and it is very quiet," {he} told {her}. "I will wake you when it comes."
  / "It falls like feathers," said {hero}, and {he} promised to call {her} when it came.
* They waited through November, but there was only rain. "You made it up," said
  {friend}. / Every morning {she} ran to the window, and every morning it rained.
* One morning {hero} woke, and it was so still! The whole world was white. / Then one
  night the wind turned cold. When {hero} went out, {he} stepped into white powder.
* {He} ran to {hers} house in {his} nightshirt. "Wake up, {friend}! It is here!" / {He}
  threw a snowball at {hers} window. "Come out!" {he} {cried}. "Come out and look!"
* {Friend} caught a flake on {hers} tongue. "It tastes of nothing," {she} said, "and it
  is wonderful!" / {Friend} stood there with wide eyes. Then {she} threw {hers} first
  snowball, and it hit {him} on the nose.
* They built {a shape} of snow, and it guarded the gate until spring. / They rolled and
  slid until their fingers were numb, and then they drank {drink}.
= the seed
* {Hero}'s {kin} gave {him} a single {plant} seed. "It is small," {she} said, "but it is
  not finished." / One day in spring {hero} found one {plant} seed in {his} pocket. "Try
  to grow it," said {his} {kin}.
* {He} pressed it into a pot of black earth and set it in the sun. / {He} dug a hole
  near the kitchen door, put it in, and gave it a cup of water.
* Every morning {he} ran to look at it. Every morning there was nothing but earth. / A
  week went by, and then another. "It is asleep," {he} said. "Or it is lazy."
* {He} took a spoon to dig it up, but {his} {kin} caught {his} hand. "Roots need the
  dark, and they need time," {she} said. / "I will pull it out and look," {he} said.
  "Would you wake a baby to see if it sleeps?" asked {his} {kin}.
* Then one day a green tip stood in the light. "It is awake!" {he} {cried}. / One
  {sunny} morning the earth had a crack, and out of it peeped a tiny green hook.
* By the end of summer it was {a fine plant}, and {hero} gave {friend} its seeds. / When
  {friend} admired the {fine plant}, {he} said, "I only waited. It did the rest."
= the borrowed book
* {Hero} borrowed a book about {topic}. It was so good that {he} read it while {he}
  walked. / {When}, {hero} carried home a library book about {topic}. {He} could not
  wait, and {he} opened it on the road.
* Near {place} {he} stepped into a puddle, and the book fell out of {his} hands. / {He}
  stumbled near {place}. Splash! The book landed in the mud.
* "Push it back on the shelf when no one looks," said {his} cousin. / "I could hide it
  under my bed," {he} thought. "Who would ever know?"
* But {he} felt {sad} all night. In the morning {he} went straight to the librarian. /
  {He} walked past the library three times. The fourth time {he} went in.
* "I dropped it, and I am sorry," {he} said. The librarian looked over {hers} glasses. /
  {He} put the book in front of the librarian and told {her} everything.
* "Most people hide such a book," {she} said. "You may help me to mend it." / {She}
  turned the wavy pages. "It has had an adventure," {she} said. "Let us mend it."
* {Hero} came that Saturday and every Saturday after it, and {he} read the whole shelf.
  / Together they pressed it flat, and {she} showed {him} how books are sewn.
= the fish
* Before dawn {hero} and {his} {kin} rowed out on {water}. / {When}, {hero} went fishing
  for the first time. {His} {kin} showed {him} how to hold the rod.
* For hours nothing happened. Then the line jerked, and {hero} pulled hard. / They sat
  and sat. Then the rod bent like a bow, and {hero} held on with both hands.
* Up came {a fine fish}, and its scales shone like coins. / Out of the water rose {a
  fine fish}. It was as long as {his} arm!
* "What a supper!" said {his} {kin}. But the {fish} opened and shut its mouth, and
  {hero} stopped smiling. / It {looked} at {him} with one round eye. {Hero} felt {his}
  own heart beat fast.
* "Can we let it go?" {he} asked. {She} raised {hers} eyebrows, and then {she} nodded. /
  "I do not want to eat it," {he} said {softly}, and {his} {kin} put the knife away.
* {He} lowered it into the water. With one flick of its tail it was gone. / {He} opened
  {his} hands, and it slid away into the green dark.
* "And our supper?" {she} asked. "{A snack} is enough," said {hero}. / They rowed home
  with an empty bucket, and {hero} sang all the way.
= the bicycle
* {Hero} got {a colour} bicycle from {his} {kin}. "It is yours when you can ride it,"
  {she} said. / In the shed of {his} {kin}, {hero} found {a colour} bicycle. "Will you
  teach me?" {he} begged.
* {She} held the saddle and ran. {He} wobbled and fell into the nettles. / They pushed
  it to the road near {place}. {He} rolled three feet, and {he} fell on {his} knees.
* "Every {bird} falls before it flies," said {his} {kin}, wiping {his} chin. / {His}
  {kin} showed {him} a scar on {hers} arm. "I fell more often than you," {she} said.
* So {he} tried again. {He} looked far ahead, and {his} feet went round and round. /
  {He} got back on. "Do not let go," {he} said, and the wheels began to hum.
* "Are you still there?" {he} asked. There was no answer. {She} stood far behind {him},
  and {she} was waving! / Faster and faster {he} went. When {he} turned {his} head,
  {his} {kin} was as small as {a bird2}.
* {He} was riding alone! {He} rode all the way to {place2} and back. / "I can do it!"
  {he} {cried}, and {he} rang the bell until all the dogs barked.
= the fallen nestling
* Under {a tree} tree {hero} and {friend} found a young {bird}. It had fallen out of its
  nest. / One day in May {hero} heard a thin peep near {place}. {He} called {friend},
  and in the grass they found a young {bird}.
* "I will keep it in a box," said {hero}, "and feed it with a spoon." / {Hero} wanted to
  take it home. "It can sleep in my {fine wear}," {he} said.
* {Friend} pointed up. A grown {bird} was calling from the branches. "It needs its
  mother," {she} said. / "Listen," said {friend}. High in the leaves another {bird} was
  calling and calling.
* So {friend} held the ladder while {he} climbed. It creaked, and {his} knees shook. /
  {Friend} brought a ladder. {Hero} was {scared}, but step by step {he} went up.
* {He} set the little bird in the nest and did not look down. / Gently {he} slid it in
  among its brothers, and {he} came down very fast.
* The mother came at once, with a worm in its beak. {Friend} clapped {hers} hands
  without a sound. / Weeks later {a bird} sang above them. "It is saying thank you,"
  said {hero}, and {friend} believed {him}.
= the forgotten line
* {Hero} was to be the {role} in the school play. {He} said {his} lines to the stove and
  to the {pet}. / The children put on a play. {Hero} played the {role}, and {he} learned
  every word by heart.
* On the great night the hall was full. Even the {worker} sat in the first row. / At
  last the evening came. The lamps went out, and the curtain rose.
* {He} stepped into the light and opened {his} mouth. Not one word came out. / It was
  {his} turn. {He} looked at all the faces, and {his} head was as empty as a drum.
* {Friend} stood beside {him}, dressed as the {role2}. "Have you lost your voice,
  {role}?" {she} asked. "Shall I lend you mine?" / Then {he} heard a whisper behind
  {him}. It was {friend}, and {she} gave {him} the first word.
* That was all {he} needed. The words came back like birds to a roof. / {Hero} took a
  breath. Now {he} knew it, and {he} spoke so loudly that the windows rang.
* At the end everyone clapped. {Hero} pulled {friend} forward. "Half of it is yours,"
  {he} said. / "You saved me," {he} told {friend} later. {She} only bowed and {smiled}.
= the quarrel
* {When}, {hero} and {friend} put their pennies together and bought {a fine toy}. /
  {Hero} and {friend} won {a fine toy} at the fair. It was one prize for two.
* "I will have it first," said {hero}. "No, I will!" said {friend}, and {she} grabbed
  it. / Both wanted to take it home. {He} pulled, {she} pulled, and neither let go.
* It flew through the air and landed in the muddy ditch. / Then it slipped out of their
  hands, rolled down the bank, and sank into the mud.
* "That was your fault!" they both {cried}. {He} went home by the mill, and {she} went
  home by the church. / They went home without a word. All evening {hero} missed
  {friend}'s laugh more than the {toy}.
* In the end {he} took a bucket and went to the ditch. {Friend} was already there with a
  rake! / At sunrise {he} went back to look for it. Somebody was kneeling in the mud,
  and it was {friend}.
* "I am sorry," said {hero}. "I am sorrier," said {friend}, and {she} began to giggle. /
  They looked at each other's {dirty} knees and laughed, and the quarrel was over.
* They washed the {toy} and took turns, one week each. / Soon it was clean again, and
  neither could say who had seen it first.
= the gold coin
* {When}, {hero} and {friend} sold {fruits} from a little table near {place}. / {Hero}
  picked {fine fruits} and sold them near {place}, and {friend} helped {him} to count.
* {A fine worker} bought a whole bag and hurried away. / The first to come was {a fine
  worker}, who took a big bag, paid, and was gone.
* Then {friend} gasped. Among the pennies lay a gold coin! / {Hero} looked into the
  bowl. One of the coins was not copper. It was gold!
* "Nobody knows about it," said {friend}. {Hero} turned it over in {his} hand, and then
  {he} shook {his} head. / "With that we could buy {a fine toy}," said {friend}. "But it
  is not ours," said {hero}.
* {He} ran after the {worker}, past {place2} and across the bridge. "You gave me too
  much!" {he} panted. / {Friend} stayed with the {fruits}, and {he} ran through the
  crowd until {he} found the {worker}.
* The {worker} turned pale. "That was my pay for the whole month!" / "You are an honest
  child," said the {worker}, who shook {his} hand for a long time.
* The town heard of it. By noon everybody wanted {fruits}, and the table was empty. / "I
  am glad," {friend} said later, "that you are faster than I am."
= the map in the attic
* In the attic of {his} {elder}, {hero} found an old map. A red cross was drawn near
  {place}. / One rainy day {hero} played in the attic of {his} {elder}. Behind a trunk
  lay a map with a red cross near {place}.
* "A treasure!" {he} {cried}. {He} and {friend} took two spades and set out. / {He}
  showed it to {friend}, and {hers} eyes grew round. Soon they were off with two spades.
* They dug until noon. They found roots and {a fine wear}, but no treasure. / The hole
  grew deep. A worm looked at them and went away.
* {Friend} stared at the map. "We held it upside down!" {she} said. "The cross is near
  {place2}!" / Then {friend} began to laugh. "Turn it around," {she} said, and now the
  cross was near {place2}.
* There they dug up a tin box. Inside lay {a fine toy} and a letter. / Under a flat
  stone they found a box, and in the box were a letter and {a fine toy}.
* "Whoever finds this may play with it," it said. At the bottom was the name of {his}
  {elder}. / {His} {elder} wiped {hers} eyes when {she} saw it. "I hid that when I was
  seven," {she} said.
= the sick friend
* {Friend} lay in bed with {illness}, and nobody was allowed to visit {her}. /
  {Friend}'s chair at school was empty. "{She} has {illness}," said the teacher, "and
  must stay in bed."
* {Hero} stood under {hers} window and waved. {She} waved back, but {she} looked {sad}.
  / {Hero} walked past {hers} house every day. Behind the glass {she} looked {sad}.
* {He} tied a basket to a long rope and threw one end up to {her}. / "If I cannot come
  in," {he} thought, "something else can." {He} fetched a basket and a rope.
* On {weekday} {he} put {a fine snack} into it, and {she} pulled it up. / The first day
  {he} sent up {a fine toy}, and {she} let down a note that said, "More!"
* The next day {he} sent {a craft}, and the day after that a very bad joke. / Each day
  brought something new: a riddle, some {fruits}, a drawing of {a wild} in {a wear}.
* At last the window flew open. "I am well!" {cried} {friend}. "Stand back, I am coming
  down!" / On the {fourth} day the basket came down with {hers} shoes in it. "I am
  well," said the note. "Wait for me."
* But they kept the basket, and they use it for letters to this day. / {Hero} and
  {friend} ran to {place}, and {he} let {her} win.
= the spoiled picture
* {Hero} painted a picture of {place} for {his} {kin}. Only the sky was missing. /
  {When}, {hero} painted {place}. It was to be a present for {his} {kin}.
* Just then the {pet} jumped onto the table, and {a big} {colour} blot ran across the
  paper. / {His} sleeve caught the pot of {colour} paint. It ran right across the paper.
* "It is spoiled!" {he} {cried}, and {he} wanted to tear it up. / {Hero} stared at the
  blot. Three days of work were gone, and {he} began to cry.
* {Friend} came in and put {hers} head on one side. "Wait," {she} said. "I see {a
  shape}." / "Do not throw it away," said {friend}. {She} turned the paper around.
  "Look, it is {a shape}!"
* {He} took a thin brush and gave the {shape} an eye, a mouth and a smile. / {He}
  painted two eyes on it, and {friend} added a tiny hat.
* {His} {kin} hung it over the table. "I have seen many pictures," {she} said, "but
  never one with {a shape}." / "This is the best {shape} in the country," said {his}
  {kin}, and {she} could not stop laughing.
= pepper in the soup
* {Hero}'s {kin} came home tired. "Sit down," said {hero}. "Today I am the cook, and we
  will have {soup}." / {When}, {hero} wanted to surprise {his} {kin}. {He} put on {hers}
  apron and began to cook {soup}.
* Then {he} shook the pepper pot. The lid fell off, and all the pepper dropped in! /
  "Just a little pepper," {he} said. But the lid was loose, and the whole jar went in.
* {His} {kin} took one spoonful. {Hers} eyes grew round, and {she} sneezed seven times.
  / {His} {kin} tasted it, turned red, and drank a jug of water.
* "I have ruined it," said {hero}, and {his} lip began to tremble. / {Hero} hid {his}
  face in {his} hands. "Now we have no supper," {he} said.
* "Nothing is ruined," {she} said. "We need more potatoes, more milk and more guests." /
  {She} rolled up {hers} sleeves. "Too much pepper means too little soup," {she} said.
* They filled the biggest pot, and then they called {friend} and the {worker}. / So the
  pot grew bigger, and the table grew longer. {Friend} came, and so did the {worker}.
* Everyone ate two bowls. "What do you call it?" asked {friend}. "Sneezing soup," said
  {hero}. / It was the merriest supper of the year, and only the {pet} sneezed.
= lost at the market
* {When}, {hero} went to the market with {his} {kin}. "Hold my hand," {she} said. / The
  market was loud. {Hero} held the hand of {his} {kin} and looked at everything.
* But there was a juggler who threw {fruits} into the air. {Hero} let go for a moment. /
  Then {he} saw {a fine pet} in {a colour} coat. {He} let go to stroke it.
* When {he} looked up, {she} was gone. All around {him} were strange faces. / "Look at
  that!" {he} said. But {his} {kin} was not there.
* Then {he} remembered {hers} words: "If you are lost, stay where you are." / "A tree
  that stands still is easy to find," {she} always said. So {he} stood still.
* {He} sat down near {place}. {A fine worker} gave {him} {a snack} and waited with
  {him}. / {A fine worker} saw {him} and asked {his} name. "We will wait together," said
  the {worker}.
* At last {he} heard the tune that {his} {kin} always whistled at home! / Then somebody
  called {his} name. Through the crowd came {his} {kin}, and {hers} hat was crooked.
* {He} ran into {hers} arms. "You stood still like a tree," {she} said. / {She} hugged
  {him} hard. {Hero} did not let go of {hers} hand all the way home.
"""
# The heroes of these plots are small animals of the wood.
ANIMAL_PLOTS = """
= the flooded burrow
* {Hero} was {a fine species} with a snug burrow under {a tree} tree. / Under the roots
  of {a tree} tree lived {a fine species} called {hero}.
* Then it rained for {three} days. Water ran over the doorstep and into {his} bed. / One
  night {he} woke up with wet feet. The brook had come in through the door!
* {He} asked {a species3}. "I have no room," said the {species3}. / First {he} asked {a
  species3}, who had {a big} house. "You are too wet," said the {species3}.
* Then {he} came to {friend} the {species2}, who had the smallest house of all. "Come
  in," {she} said. / Only {friend} the {species2} opened wide. "My house is tiny," {she}
  said, "but friends fold up small."
* They slept nose to tail, and it was the warmest night of the year. / {She} gave {him}
  {dish} and the dry half of {hers} bed.
* When the sun came back, {she} helped {him} to dig a new burrow, higher up the hill. /
  In the morning they dug together, far above the brook, until {he} had a new home.
* {Hero} put two beds in it. "You never know," {he} told {her}, "who may knock." /
  {Hero} made the door very wide, so that nobody would ever have to stand outside.
= the raft
* {Hero} the {species} could see an island from {his} door. On it grew the best {fruits}
  in the world. / In the middle of {water} lay an island full of {fruits}. {Hero} the
  {species} looked at it every day.
* But the water was deep, and {he} had never left the shore. / "I would like to go
  there," {he} said, "but the water is too wide for me."
* "Let us build a raft," said {friend} the {species2}, who had a rope. / {Friend} the
  {species2} laughed at {him}. "What is wood for?" {she} asked. "Wood can float!"
* They tied {three} branches together with grass. When they stepped on it, it came
  apart. Splash! / Their first raft was made of reeds. It sank at once.
* {Friend} looked at the pieces. "Only our knots were bad," {she} said. / But {friend}
  had already begun again. "Nothing is as clever as the second try," {she} said.
* {She} showed {him} a better knot, and they tied every log twice. This time it held. /
  They took thick logs and strong bark. In the morning their raft floated.
* They paddled across and ate {fruits} until dark. / On the island {he} tasted the
  {fruits}. "Are they as good as you dreamed?" {she} asked. "Better," {he} said.
= the moon in the pond
* One night {hero} the {species} went to the pond to drink. There, in the water, lay the
  moon! / {Hero} the {species} could not sleep. {He} walked down to the pond, and {he}
  saw the moon in it.
* "It has fallen in!" {he} {cried}. "It will drown!" / "The moon has fallen into the
  water," {he} thought. "Now the nights will be dark."
* {He} ran to wake {friend} the {species2}. "Bring a net," {he} said. "Bring a long
  one!" / {He} woke {friend}, {a fine species2} who lived next door. {She} came out with
  a net in {hers} paw.
* They fished and fished. Each time the net touched it, the moon broke into pieces. /
  {He} threw the net, and the moon fell apart. {He} waited, and it grew whole again.
* Then {friend} began to laugh. Over the {tree} trees hung the moon, round and dry. /
  {Friend} looked at the water and then at the sky. "Lift up your head," {she} said.
* "Who put it back?" asked {hero}. "You did," {she} said, and {he} went to bed as proud
  as a king. / "We saved it!" {cried} {hero}. {Friend} did not tell {him} the truth
  until {he} was much older.
= the boaster
* {Hero} the {species} liked to boast. "I once jumped over {water}," {he} said. / "I am
  not afraid of anything," said {hero} the {species}. "I once chased {a giant} away!"
* {Friend} the {species2} believed every word, and {she} told it to everyone. / {Friend}
  the {species2} listened with big eyes. "You are the bravest in the wood," {she} said.
* One {sunny} day there was a cry for help. A baby {species3} had fallen into the brook!
  / Then the news came that a baby {species3} was caught on a stone in the wild brook.
* "{Hero} will save it!" {cried} {friend}. "Nothing scares {him}." / Everybody looked at
  {hero}, and {friend} pushed {him} forward.
* {Hero} turned pale. "I made it all up," {he} whispered. / {His} ears hung down. "It
  was not true," {he} said. "I shake like a leaf."
* Still, {he} crawled out on a branch, and {friend} held {his} tail. {He} pulled the
  little one out by the ear. / "Let us be scared together," said {friend}. {She} held
  {his} tail, and {he} pulled the baby out.
* From that day on {he} told only that story, and every word of it was true. / "Now you
  have something to boast about," {she} said. But {he} found that {he} did not need to.
= the light in the wood
* {Hero} the {species} had stayed too long with {friend}, and now the wood was dark. /
  On the way home from {friend}, {hero} the {species} lost the path.
* Every bush looked like {a giant}, and every stump looked like {a monster}. / {He}
  walked in a circle and came back to the same stone. "I am lost," {he} said.
* Then a tiny light came down from the branches. It was a firefly. "Why are you
  shaking?" it asked. / "Is somebody crying?" asked a thin voice. A firefly sat on the
  grass, and it shone like a star.
* "I cannot see the way," said {hero}. "Then I will be your lamp," it said. / {He} told
  it everything. "I can light only one step," it said, "but one step is all you need."
* So they went, one step and then one more. {He} laughed at the bushes now. / It flew
  ahead, and {he} walked in its little circle of light. The bushes were bushes again.
* At last {he} saw {his} own door. {He} turned to say thank you, but the firefly was one
  star among many. / At {his} door {hero} gave it a drop of honey. After that {he} left
  the window open on summer nights.
= the strange egg
* One day in spring {hero} the {species} found {a big} white egg near {place}. It was
  cold. / {Hero} was {a fine species} who lived alone. One day in spring {he} found an
  egg in the grass.
* "Leave it," said {friend} the {species2}. But {he} could not leave it in the wind. /
  {He} asked {friend} the {species2}, but {she} had lost no egg. {Hero} wrapped it in
  {his} {fine wear}.
* {He} kept it warm for {three} weeks. {He} told it about the weather. / Day and night
  {he} lay beside it. {His} friends laughed at {him}, and {he} let them laugh.
* Then it cracked, and out came {a fine fowl}. It {looked} at {hero} and said, "Mama!" /
  One night a wet head came out of the shell. It belonged to {a fine fowl}.
* Soon it wanted to swim. {Hero} stood on the shore of {water} and was {scared} for it.
  / One day it stood at {water} and looked back at {him}. "Go on," {he} said, though
  {his} heart was heavy.
* The {fowl} swam away in a wide circle, and then it came back to {him}. / In autumn it
  flew south. In spring it came home again, and it knew {his} door.
= the empty basket
* Every day {hero} the {species} filled a basket with {fruits}, and every evening it was
  nearly empty. / {Hero} the {species} was picking {fruits}. But each time {he} came
  home, the basket was nearly empty.
* "There is a thief in the wood," {he} told everyone, and {he} looked hard at {friend}
  the {species2}. / "Somebody steals from me," {he} said. {He} thought of {friend} the
  {species2}, who had such a round stomach.
* "I have taken nothing," {she} said, and {hers} eyes filled with tears. / {Friend}
  heard about it, and {she} was hurt. "I am no thief," {she} said.
* The next day {he} hid behind {a tree} tree. Nobody came, but the {fruits} were gone
  again! / So {he} tied a bell to the basket. It never rang, and still half of the
  {fruits} were gone!
* {Friend} pointed behind {him}. There lay the {fruits}, all along the path. The basket
  had a hole! / "Turn the basket over," said {friend}. {He} did, and there was a hole as
  wide as {his} paw.
* {Hero}'s ears turned red. "The thief was a hole," {he} said. "Please forgive me." /
  "Oh," said {hero}, and {he} felt very small. "I was wrong about you, and I am sorry."
* {She} mended it with bark, and {he} gave {her} the first full basket. / {She} laughed
  at last, and they ate up the whole trail together.
= the voice in the valley
* {Hero} the {species} climbed a rock above a deep valley. "Hello!" {he} {cried}.
  "Hello!" {cried} a voice. / {When}, {hero} the {species} stood on a high rock and
  shouted, "Who is there?" A voice answered, "Who is there?"
* "I asked first!" shouted {hero}. "I asked first!" the voice shouted back. / "Do not
  copy me!" {he} {cried}. The voice copied that as well.
* {Hero} was {cross}. "You are a fool!" {he} shouted, and at once it called {him} a
  fool. / {Hero} stamped {his} foot, and far away a foot was stamped too.
* {He} ran home to {friend} the {species2}. "A rude beast lives in the valley," {he}
  said. / {Friend} the {species2} found {him} with {his} paws over {his} ears. "Somebody
  over there hates me," {he} said.
* "Did you ever say something kind to it?" {she} asked. / {Friend} hid a smile. "Try it
  with a friendly word," {she} said.
* So {he} went back to the rock. "I am sorry," {he} called. "I am sorry," said the
  valley. / {Hero} took a deep breath. "Good evening!" {he} called, and a friendly voice
  said, "Good evening!"
* "You see," said {friend}, "it only gives back what it gets." / {He} told {her} about
  it at supper. "Most voices are like that," {she} said.
"""


@dataclass(frozen=True)
class Story:
    """One story with the plot it follows and the name of its hero."""

    text: str
    plot: str
    hero: str


@dataclass(frozen=True)
class Entry:
    """One row of a word table: its cells, and the adjectives that fit the first."""

    cells: tuple[str, ...]
    adjectives: tuple[str, ...]


def _entry(source: str) -> Entry:
    """Read one entry, such as "kite (paper silk)" or "three|fourth"."""
    cells = source.split("|")
    noun, _, adjectives = cells[0].partition(" (")
    return Entry((noun, *cells[1:]), tuple(adjectives.rstrip(")").split()))


def _table(source: str) -> list[Entry]:
    """Read the entries of one word table."""
    return [_entry(part) for part in " ".join(source.split()).split(", ")]


def _plots(source: str) -> dict[str, list[list[str]]]:
    """Split the plots into beats, and each beat into its frames."""
    plots = {}
    for part in source.split("\n= ")[1:]:
        name, *beats = part.split("\n* ")
        plots[name] = [" ".join(beat.split()).split(" / ") for beat in beats]
    return plots


TABLES = {names: _table(source) for names, source in WORDS.items()}
COLUMN = {
    slot: (names, index) for names in WORDS for index, slot in enumerate(names.split())
}
STYLES = {slot: [row.cells[0] for row in _table(STYLE[slot])] for slot in STYLE}
CHILD_FRAMES, ANIMAL_FRAMES = _plots(CHILD_PLOTS), _plots(ANIMAL_PLOTS)
FRAMES = CHILD_FRAMES | ANIMAL_FRAMES
SLOT = re.compile(r"\{(a )?(fine )?(\w+?)(2|3)?\}", re.IGNORECASE)
SHORTEST, LONGEST = 50, 120  # words
SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}


def article(phrase: str) -> str:
    """Put "a" or "an" in front of a phrase."""
    return ("an " if phrase[0].lower() in "aeiou" else "a ") + phrase


def cast(rng: random.Random, plot: str) -> dict[str, str]:
    """Choose the hero, the friend and the family, with the pronouns of both sides."""
    he, she = rng.choice([("he", "she"), ("she", "he")])
    names = {"he": BOYS, "she": GIRLS}
    if plot in ANIMAL_FRAMES:
        names = {"he": HE_ANIMALS, "she": SHE_ANIMALS}
    roles = {
        "hero": rng.choice(names[he]),
        "friend": rng.choice(names[she]),
        "kin": rng.choice(KIN[she]),
        "elder": ELDER[she],
    }
    hero_side = zip(("he", "him", "his", "himself"), PRONOUNS[he], strict=True)
    other_side = zip(("she", "her", "hers", "herself"), PRONOUNS[she], strict=True)
    return roles | dict(hero_side) | dict(other_side)


class Filler:
    """Fills the slots of one story and remembers what it put into them."""

    def __init__(self, rng: random.Random, roles: dict[str, str]) -> None:
        """Start a story with its roles given and no other word chosen yet."""
        self.rng = rng
        self.roles = roles
        self.rows: dict[str, Entry] = {}  # the table row that each slot holds
        self.adjectives: dict[str, str] = {}
        self.spent: list[str] = []  # the style words used so far

    def style(self, slot: str) -> str:
        """Draw a style word, a new one as long as there are any."""
        unused = [word for word in STYLES[slot] if word not in self.spent]
        word = self.rng.choice(unused or STYLES[slot])
        self.spent.append(word)
        return word

    def noun(self, slot: str, number: str, fine: bool) -> str:
        """Return the word that a slot holds, choosing it at the first call."""
        table, column = COLUMN[slot]
        key = table + number
        if key not in self.rows:
            held = list(self.rows.values())
            free = [row for row in TABLES[table] if row not in held]
            self.rows[key] = self.rng.choice(free)
            self.adjectives[key] = self.rng.choice(self.rows[key].adjectives or ("",))
        word = self.rows[key].cells[column]
        return f"{self.adjectives[key]} {word}" if fine else self.fill(word)

    def slot(self, match: re.Match[str]) -> str:
        """Return the words for one slot of a frame."""
        a, fine, name, number = match.groups()
        slot = name.lower()
        if slot in self.roles:
            words = self.roles[slot]
        elif slot in STYLES:
            words = self.style(slot)
        else:
            words = self.noun(slot, number or "", bool(fine))
        words = article(words) if a else words
        return words[0].upper() + words[1:] if match[0][1].isupper() else words

    def fill(self, frame: str) -> str:
        """Replace every slot of a frame."""
        return SLOT.sub(self.slot, frame)


def tell(rng: random.Random, plot: str) -> Story:
    """Tell one story after the given plot."""
    filler = Filler(rng, cast(rng, plot))
    text = " ".join(filler.fill(rng.choice(frames)) for frames in FRAMES[plot])
    return Story(text, plot, filler.roles["hero"])


def stories(seed: int = 0) -> Iterator[Story]:
    """Tell stories without end, the same ones for the same seed."""
    rng = random.Random(seed)
    plots = list(FRAMES)
    while True:
        story = tell(rng, rng.choice(plots))
        if SHORTEST <= len(story.text.split()) <= LONGEST:
            yield story


def part_of(story: Story) -> str:
    """Name the part a story belongs to, by its hero and its plot alone.

    One pair of hero and plot in twenty is kept for validation and one for testing.
    The rule is a checksum, so it needs no list and gives the same answer everywhere.
    """
    number = zlib.crc32(f"{story.hero}/{story.plot}".encode()) % 20
    return {0: "validation", 1: "test"}.get(number, "train")


def split(source: Iterable[Story]) -> dict[str, list[Story]]:
    """Sort distinct stories into train, validation and test until all are full."""
    parts: dict[str, list[Story]] = {name: [] for name in SIZES}
    seen: set[str] = set()
    for story in source:
        part = parts[part_of(story)]
        if len(part) < SIZES[part_of(story)] and story.text not in seen:
            seen.add(story.text)
            part.append(story)
        if all(len(parts[name]) == size for name, size in SIZES.items()):
            return parts
    raise ValueError("the stories ran out before every part was full")


def write(out: Path) -> None:
    """Write train.parquet, validation.parquet and test.parquet, the same bytes each time."""
    out.mkdir(parents=True, exist_ok=True)
    for name, part in split(stories(seed=0)).items():
        table = pyarrow.Table.from_pylist([asdict(story) for story in part])
        parquet.write_table(
            table, out / f"{name}.parquet", compression="zstd", compression_level=19
        )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
