"""Given and family names, as they are known for most of the world that writes in Latin letters, and Indonesia most.

Made of the lists of Faker (MIT, copyright 2012 Daniele Faraglia and contributors) for thirty locales, the most
frequent names of the US census of 1990 (public domain) and names that are common in Indonesia. Lower case, without
accents. Kept as a file of this project and not read from a library, so that the same text is always redacted alike.
"""

from __future__ import annotations

_SURE = """
aachal aadhya aadi aahana aaliyah aarav aarini aarna aarnav aaron aarush aashi aayush abbi abbie abby abdirahman abdul
abdullah abdullahi abdurrahman abeer abel abernathy abha abhimanyu abhiram abigail abney abraham abram abrams abreu
abril abyasa acevedo acharya achim achison achmad ackerman acosta acuna adair adalberto adam adame adams adamson
adcock addie adela adelaida adele adelia adelina adeline adell adella adhiarja adiarja adina adinata adinda aditama
aditya adkins adler adolfo adolph adria adrian adriana adriane adrianna adrianne adriano adriansyah adrienne advaith
advay advik advika adweta adya aedan afrizal agarwal agastya agata agatha agathe aggarwal agnes agnew agnieszka
agrawal aguilar aguilera aguirre agung agus agustin agustina ahearn ahearne ahern aherne ahmad ahmed ahmet ahrens
ahuja aida aidan aideen aiden aiken aileen aimee aine ainsboro ainsworth aisha aishani aislinn aisyah ajeng ajiman
ajimat ajimin ajiono akarsana akbar akhtar akshay alain alaina alambana alamsyah alana alaniz alanna alarcon alastair
albert albertha alberto albertson albin albina albrecht albright alcala alcaraz alcorn alda alden aldi aldo aldrich
aldridge alecia alejandra alejandro aleksander aleksandra aleman alena alene alesha alesia alessandro aleta aletha
alex alexander alexandra alexandre alexandru alexis alfaro alfian alfons alfonzo alford alfred alfreda alfredo ali
alice alicea alicia alida alif alika alina aline alisa alisha alissa alistair alister alix alka allard allen allie
allison allred allyson almanza almeda almeida almira alonso alonzo alphonse alphonso alston alta altagracia altman
alton alva alvarado alvarez alvaro alve alves alvin alvina alyce alycia alysia alyson alyssa amada amado amador amaira
amalia amalie amanda amara amato amaya amelia amelie amie amir amira amol amon amparo amruta amy ana anabel anamika
anand ananda anastasia anaya andela anders andersen anderson andersson andhika andika andini andra andrade andre
andrea andreas andree andrei andrej andres andresen andrew andrews andri andria andriani andrus andrzej andy aneta
anett anette angela angelia angelika angelina angelita angella angelo anggabaya anggi anggraeni anggraini anggriawan
angie anglea anglin angulo angus ani anibal anica anika anirudh anisa anissa anita anitra anjali anka anke anmol anna
annabel annabelle annalise annamaria annamarie anne anneke anneli annelie annelies annemarie annemie annetta annette
anni annie annika annikki annisa annita annmarie annsboro anny anouk ansboro ansh anthony antione antionette anto
antoin antoine antoinette anton antone antonella antonette antonia antonie antonietta antonina antonino antonio
antonius antony antwan anusha anvi anya aodhan aoibheann aoibhin aoibhinn aoife aparicio apodaca apolonia aponte
applegate apriliani apte aquino araceli aracely aradhana aragon aranda araujo arce arcelia archibald archie archuleta
arden ardi ardian ardiansyah ardianto ardith arellano aretha arevalo argono ari ariadna ariana ariane arianne arief
arielle arif arifin arin aris aristo arleen arlen arlene arlie arline armand armando armida armijo armin armstead
armstrong arnaud arndt arne arnett arno arnold arnoldo arnulfo aron arora arran arredondo arreola arriaga arrington
arron arsenault arsenio arsipatra artanto artawan arteaga arthur arthurs artie artur arturo arum arunima arya aryan
aryani asha ashby ashcraft ashe ashely asher ashford ashlee ashleigh ashlene ashley ashlie ashly ashton ashworth asih
asirwada asirwanda aslijan asmadi asman asmianto asmuni astrid astuti aswani atharv atherton atika atkins atkinson
atmaja atwal atwell atwood aubrey audra audrey audry augusta auguste augustin augustine augusto aulia aurea aurelie
aurelio avery avila aviles avis avni awilda axel ayaan ayala ayesha ayla aylin aylward ayoub ayres ayse ayten ayu
ayudia ayush ayushman azaan azad azevedo azhar azis azizah babb babcock babin bachittar bachman bachmann backman
badami baer baez baeza bagas bagaskara baggett baghyawati bagiya bagley bagwell bagya bahadurjit baharuddin bahl
bahuraksa bahuwarna bahuwirya bair baird bajragin bajwa baker bakhshi bakiadi bakianto bakidin bakijan bakiman bakiono
bakshi baktiadi baktianto baktiono balakrishnan balamantri balangga balapati balay baldwin balendra balhaar balidin
balijan baljiwan balla ballard ballesteros balvan balveer bambang bambi banara banawa banawi bandeville banerjee banik
banjeet bankston bann bannon bansal banuelos banville baptiste barajas baral barbara barbee barbosa barbour barbra
barclay barfield barkha barkley barksdale barnes barnett barnette barneville barnhart barnhill barone barr barraza
barrera barrett barrnette barron barros bart barta bartholomew bartlett bartley basak basham basim bassett bassi
bastian basu basuki batchelor batista batra battaglia bauer baugh baughman baum bauman baumann baumgartner bautista
bava bayer beakey beale beall bearden beasley beasty beatrice beatrix beatriz beattie beatty beaty beauchamp beaudoin
beaulieu becerra beckett beckham beckman beckwith becky becnel bedford bedi beebe beeck beggan begley behan behl
behrens beirn beirne belanger belen belinda bellamy beltran belva benard benavides benavidez benedikt benita benitez
benito benjamim benner bennett benoit benson bente benthe bentley benton benyamin beresford bergen bergeron bergh
bergin bergman berit berman bermingham berminghim bermudez bernabe bernadette bernadine bernal bernard bernardo berndt
berney bernhard bernice bernie berniece bernier bernita bernstein bernt bert berta bertha berthold bertie bertil
bertrand berube bessie betancourt betania beth bethan bethany bethea betsy bette bettie bettina bettye bevan beverley
beverly beyer bhagat bhalla bhanumati bhardwaj bhargava bhasin bhatia bhatnagar bhatt bhattacharyya bhatti bhavani
bhavika bhavini bhavna bhavsar bhavya bianca bianka bickford biddle biesty bigelow billie billingsley billups bima
bimala bingham birger birgit birgitta birte bishakha biswas bivens bjarne bjorn blackburn blackman blackmon blackwell
blaine blais blakely blalock blanaid blanchard blanche blanchette blanka blankenship blanton blaylock blazek bledsoe
blevins blodgett blom blomqvist blount blum blumel boase boaz bobal bobbi bobbie bodil bodin boediono bogdan bohan
bohannon boland bolduc bolen bolger bolin bollinger bolton boniface bonilla bonita bonner bonnie boone boothe borah
borde borden boreland boren borland borra borrego bostic bostick boswell bouchard boudreau boudreaux bourke bourne
bourque bowden bowe bowen bowens bowlin bowser boyce boyd boykin boylan boyle boyles boynton boyse bozena brackett
bradden braden bradley bradly bradshaw brady bragg brahmbhatt bram branaola brandee branden brandi brandie brandon
brandt branham branka branko brannelly brannon branson brantley brar brassil braswell bratcher bratton braun braxton
breandan breanna breanne breaux breeden breedlove breen breheny brenda brendan brendon brenna brennan brenner brenton
breslin bresnehan brian briana brianna brianne brice bridget bridgett bridgette bridson brien brigette brigid brigitta
brigitte brijesh brinda brinkley brinkman brinson briody briones briscoe brislane brita britney brito britta brittani
brittany brittney britton brockman broderick brody broeckx bronach bronagh bronson brooke brooks broome brophy brosnan
broughton broussard browder brower brown browne brownlee broy broyles brubaker bruce bruen bruggeman brumfield bruna
bruner brunner bruno bruns brunson bruton bruyn bryan bryant bryce bryon bryson buch buchanan buckley buckner budi
budiyanto bueno buffington buford bullard bumb bunn burch burchett burchfield burchill burdette burdick burge burk
burke burkett burkhart burleson burley burnett burnette burney burnham burns burrell burroughs busch bussey bustamante
butler butterfield buttimer buttimore byars bynum byrd byrne byrnes byron cabral cabrera cadden cadogan cady cafferkey
cafferky cafferty caffrey cagle cagney cahal cahalane cahill cahillane cahir cahya cahyadi cahyani cahyanto cahyo
cahyono cailin cailum caine caitlin caitlyn caitriona caket cakrajiya cakrawangsa calderon caldwell caleb calhoun
calista callaghan callahan callan callanan callaway callender callie calligan callinan calloway callum cally calogero
calum calvert calvey calvin calvo camacho cami camila camille camilo campbell canady canan canavan candace candance
candelaria candice candra candrakanta canfield cannan canniffe cano cantrell cantu cantwell caoilfhionn caoimhe
caoimhin caolain caolan caomhan caplis capua caraballo caragh carbery carbone carden cardenas cardoso cardoza cardwell
carey caridad carin carla carleen carlene carleton carley carlier carlisle carlo carlota carlotta carlson carly carma
carmel carmela carmelita carmella carmelo carmen carmichael carmina carmody carmona carnahan carnes caro carola
carolan carolann carole carolee carolyn caron carragher carranza carrasco carrera carri carrie carrig carrigan carrigy
carrillo carrington carrol carroll carson carsten carter carthy carub caruso carvajal carvalho carville cary caryn
casandra casanova casares casas casey cashen cashman casillas cason casper cassandra cassen casserley casserly cassidy
cassie cassin castaneda casteel castillo castleberry caswell catarina caterina cathal catharina catharine catherine
cathey cathi cathie cathleen cathrine cathryn cathy catina cato catrin catrina catriona cattigan caturangga caudill
cauley caulfield cavalcanti cavanagh cavanaugh cavazos cawisadi cawisono cawley cawuk cayadi ceara cecelia cecep cecil
cecile cecilia cecilie cecily cedric cedrick celia celina celine cemplunk centeno cepeda cerda cervantes cesar chaaya
chacko chacon chada chadha chadwick chaffin chahal chairul chaitaly chaitanya chakrabarti chakraborty chakradev
chakradhar chakrika chaman chamberlin chameli champak chan chana chanakya chanchal chand chanda chandani chander
chandra chandran chandresh chanel chaney chantal chantel chantelle chapa chapman chappell charan charissa charisse
charita charla charleen charlene charles charlette charley charlie charline charlton charmaine charo charolette charvi
chasity chasmum chastain chatman chatresh chatterjee chatura chaudhari chaudhary chaudhry chaudhuri chaudry chauhan
chauncey chavarria chavez chavis chavvi chawla cheatham cheema chelsey chelsie chen cheney cheri cherian cherie
cherise cherith cherly cherri cherrie cheryl cheryle chet cheung cheyenne chhabra chiara childress chilton chiquita
chisholm chisolm chloe choi chokshi chong chopra choudhary choudhry choudhury chowdhury chris chrissy christa christal
christanto christel christelle christensen christenson christi christiana christiane christiansen christianson
christie christin christina christine christman christof christoffer christoper christoph christophe christopher
christy chrystal chung churchill cianan ciaobella ciara ciaran ciarrai cici cierra cillian cindi cindy cinthia cintron
cipriano cirino ciro cisneros claes clafferty claffey clair claire clancy clanton clapp clara clare clarence clarice
clarisa clarissa clark clarke clarkson classon claud claude claudette claudia claudine claudio claus clavin clawson
cleary clemens clemente clementina clementine clemmons clemons clenaghan cleo clerkin clery cleta cletus clevenger
clifford clifton clinten cliodhna cliona clodagh clogherty cloherty clohessey clohessy cloney cloonan cloone clooney
cloutier clune clyde coady coakley cobb coburn cochran cockrell codie cody coen coenen coffey coffman cogley cohalan
cohen cohn coholan colbert colburn colby coleen coleman colette coley colfer colgan colhoun collado collazo collen
colleneler colleran collette colligan collinder collins colm colreavy colson colton colum colvin colwell comar combre
comerford comisky commins compton comstock comyn conall conan conaty conboy concannon concepcion concetta conchur
condon condren condron conefrey conklin conlan conley conlon conmee conmy connachton connaghy connaughton conneeley
conneely connell connellan connelly connery connie connole connolly connor connors conny conole conor conover conrad
conree conroy conry considine constance constantin constanze consuela consuelo conti contreras conway conwell conyers
coogan cooke coolahan cooley coonan cooney copeland copley corbett corbin corcoran cordelia cordell cordero cordova
corduff corene corey cori corina corine corinna corish corkery corless corley cormac cormack cormican cormick cormier
cormy cornejo cornelia cornelio cornelius cornett cornish cornwell coronado corr corra correa correia corridan
corrigan corrina corrine corry cortes cortney cory cosby cosgrave cosgrove costello costelloe costigan cota cottrell
coughlan coughlin coulter counihan courcey cournane courtenay courteney courtney covington cowan cowart cowely cowen
cowley coyle coyne crabtree craddock crahan craig craine cramer crampsey crampsie cranford crangle cranley cranly
crawford crayton crean creech creedon cregan crehan creighton cremin crenshaw crespi crespo cribbons crider crilly
crimmins crinion crist cristal cristi cristian cristiano cristina cristine cristobal cristopher cristy crittenden
croal crockett crohan crolly cromer cromwell cronelly cronin cronly crosbie crosby crossan crota croteau crotty crowe
crowell crowley crudden crutchfield cruz cryan cuddihy cuellar cuevas cuffe culbertson culhane cullen culligan
cullinan cullinane culloty culp culpepper cumiskey cumisky cummiskey cummisky cunha cunnane cunneen cunningham cunny
curiel curley curnane curneen curnyn curran curtin curtis cusack custer cyndi cynthia cyril daan dabukke dadang dagmar
dagny dahl dahlia daigle daiken dailey daire dairine daksh daksha dakshesh dalaja dalbir daley dalia dalibor dalima
daliman dalimin daliono dalton daly damanik damaris damayanti damian damico damien damini damion damon damron damu
damyanti danaher danang dancy dane danelle danette dangelo dani danial daniar danica daniel daniela daniele daniella
danielle daniels danielsen danielson danilo daniswara danita danna dannie danny dante danu danuja daphne darci darcie
darcy darden darell daren dargan daria dariati darijan darika darimin darin dario dariusz darko darla darleen darlene
darline darma darmaji darman darmana darmanto darmawan darmody darnell daron darpan darragh darrel darrell darren
darrick darrin darron darryl darsh darsirah dartono daru daruna daryani daryanto daryl dasey dasgupta datta daugherty
dave davern davey david davida davidson davies davila davin davina davis davison davitt davoren dawna dawson dayamai
dayita dayna deacy deady deaglan deana deandre deane deangelo deann deanna deanne dearbhail dearbhaile dearbhla dease
deasy deaton deaueroux debbie debi debora deborah debra debrah declan deden dedi dedra deegadan deegan deehan deeley
deely deena deeney deeny deepa deere deery dehart deidra deidre deigan deignan deirbhile deirdre dejesus delacruz
delagarza delahunty delaney delargy delarosa delatorre delbert deleon delfina delgado delia delilah della dellinger
delma delmar delmer deloach delois delores deloris delossantos deloughrey deloughry delphia deluca delvalle demarco
demarcus demetra demetria demetrius dempsey deneen denham deni denice denihan denisa denise denison denna dennehy
denney denning dennis dennison denny denson denton deol deon derek derick dermody dermot dermott derrig dervla desai
desantis deshawn deshmukh deshpande desi desiree desmond dessie devally devan devane devaney devanney devansh devenney
dever devereaux devereux devery devi devika devilly devin devine devito devitt devlin devon devore devoy devries
dewayne dewey dewi dewitt dhaliwal dhani dhar dhawan dhika dhillon dhingra dhriti dhruv diah diallo dian diana diane
diann dianna dianne diarmuid diaz dickerson dickinson dickson dida didier diego diehl dietrich dietz diffin diffley
diggin diggins dignan dilara dillane dillard dillen dillon dimaz dimitri dina dinah dinan dinda dineen dinneen dino
diogo dion dionne dipa dipta dirja dirrane diskin divenney diviney divya dixon diya djoko doan dockery dodson dogherty
doherty dollie dolores domenic domenico domhnall dominga dominguez dominic dominick dominik dominique dona donagher
donahue donal donald donaldson donato donegan dongoran doni donita donlon donn donnan donnell donnellan donnelly
donnie donny dono donoghue donohoe donohue donovan donte doody dooey doogan doohan doolan dooren doorty dora doran
dorcas dordan doreen dorene doretha dorgan dori dorian dorina dorinda dorine doris dornan dorota dorothea dorothee
dorothy dorrian dorris dorsey dorte dortha dorthe dorthea dorthy doshi dotson dottie doudigan doug dougherty douglas
douglass dovie dowell dowey dowley dowling downey downing doyle dozier draga dragan dragica drajat drennan drian
driscoll drohan droney drumm drummond drury duarte dube dubey dubois dubose duckett duckworth duenas duffin duffy
dugan dugar duggan dugger duhig duhy duignan dulce dulohery dunaway dunbar duncan dunford dungan dunham dunlap
dunleavey dunleavy dunn dunning dunphy dunworth dupont dupre dupree dupuis duran durbin durden durkan durkin durnan
durnin durning durrihy dusan dustin dutt dutta dutton duval duvall dwain dwane dwayne dwight dwyer dyah dyal dylan
dyson eadaoin eamon eamonn earle earlene earley earline earnestine eartha easley eason eastman easton eaton ebbe
eberhard ebert echevarria echeverria eckert eckhardt edda eddie edel edgar edgardo edhitha edi edie edin edison edith
edmond edmonds edmondson edmund edmundo edna edouard eduard eduarda eduardo edvard edward edwardo edwards edwin edwina
edythe eesha efendi effie efrain efren egan eggleston egon ehlert eileen eilis eilish eimear eimhear einar eiravati
eivers eka ekaja ekalinga ekani ekansh ekanta ekantika ekapad ekaraj ekavir ekbal ekiya eklund eko ekta elaina elam
elana elba elbert elda elden eldon eldora eldridge eleanor eleanore elena elenor eleonora eleonore elfriede elia
eliana elias elida elif elijah elin elina eline elinor elisa elisabet elisabeth elise eliseo elisha elissa eliza
elizabeth elizebeth elizondo elkins ella ellen eller elli ellie ellington ellinor elliot elliott ellison ellsworth
elly elma elmer elmira elmo elmore elna elnora elodia eloisa eloise elouise eloy elrod elroy elsa elsie elton eluh
elva elvera elvia elvin elvina elvira elvis elwood elyse elzbieta eman emanuel emanuela embry emer emerson emil emile
emilia emilian emiliano emilie emilio emilly emily emin emine emma emmanuel emmett emmi emmitt emmons emmy emogene
emory empluk enda endah endang endra enedina engel engelen engels engle enid ennis enoch enrico enright enrique
enriqueta enriquez enya enzo eoghan eoin epperson epps epstein erasmo erica erich erick ericka erickson erik eriksen
eriksson erin erkan erlangga erlinda erling erma erna ernawati ernest ernestina ernestine ernesto ernie ernst errol
ervin ervine erwin eryn escalante escamilla escobar escobedo eshana esmeralda esparza esperanza espinosa espinoza
esposito esquivel essie esteban estefania estela estella estelle estep ester estevez esther estiawan estiono estrada
estrella ethan ethelyn etheridge etienne etta euan eubanks eugen eugene eugenia eugenio eula eunan eunice eusebia
eusebio eustace eva evalyn evan evangelina evangeline evans evelia evelien evelina eveline evelyn evelyne everett
everette everhart evette evi evie evon evonne evoy ewan ewing ezekiel ezell ezequiel ezra fabia fabian fabiana
fabienne fabio fabiola fadden fadhil fadian fadilah fadli fagan faherty fahey fahmi fahri fahy fainche fairbanks
fairchild fairley faisal faison faizah fajardo fajri falan falguni falk fallon falvey fannie fannin fannon fanny faqid
farah farell farhan farhunnisa farias farida fariq farisi farkas farley farnan farnon farnsworth farr farragher farrah
farrar farrell farrelly farren farrington farris farrissey farrissy farry fathonah fathur fatih fatima fatimah fatma
faulk faulkner faull faustino fausto fauzan fauzi faye fealy feargal fearghal fearon febe febi febri febrianti
federico feehan feeley feely feeney feeny fegan fehan fehilly feighery felban felder feldman felecia felica felice
felicia feliciano felicita felicitas felipa felipe felisha felix felton femke fendi fenelon fenighty fenlon fennell
fennelly fenner fennessey fenning fenton ferdi ferdian ferdinand ferenc fergal fergus ferguson feri fermin fernanda
fernandes fernandez fernando ferne ferran ferrara ferraro ferreira ferrell ferrer ferriter fidel fielding fien fierro
figueroa filban filbin filiberto filip filippa filomena finan finbar fincher findley finegan finlay finley finn
finnegan finneran finnerty finney finnucane fintan finucane fiona fionntan fionnuala firdaus firgantoro firmansyah
fischer fisk fitan fitria fitriani fitzgerald fitzgibbon fitzgibbons fitzmartin fitzmaurice fitzpatrick fitzsimmons
fitzsimons fiyaz flaherty flahive flanagan flanders flannagan flannery flatley flavia flavio fleming fleur flink flinn
flor florencia florencio florene florentin florentina florentino florian florina florine floris flossie floy floyd
flynn fogarty folan foley folse folsom fonda fong fonseca fontaine fontenot foote foran forde forkin forrest forrester
forsman forster forsyth forsythe fortenberry fortier fortner fortunata foss fournier foust foyle frado fraher fraley
fran francesca francesco francine francis francisco francoise franjo frank frankie franklyn frantz franz franziska
fraser frawley frazier freaney fred freda freddie freddy frederic frederick frederique fredo fredric fredrick fredrik
freeley freeney freida freil freja frey freya frias frida fridolin frieda friedl friedman friedrich friel fritsch
fritz frode frohlich frye fuchs fuente fuentes fugate fujiati fullerton fulmer fulton fultz fuqua furey furman furr
fyfe gaba gabino gabriel gabriela gabriele gabriella gabrielle gaddy gaetano gaffney gagan gagne gagnon gahan gail
gaiman gainey gaither galarza galen galih galindo galiono gallagher gallaher gallardo gallen galligan gallivan gallo
gallogly galuh galvan galvez galvin gamani gamanto gambira gamboa gamez gandhi gandy ganep ganesan ganesh ganguly
ganjaran ganley ganly gann gannon gantt garavan garay garber garcia garde gardiner gardner gareth garety garfield garg
gargallo gargan garima garraghy garrahy garrett garrido garrihy garris garry gartlan gartland garvin gary garza gaspar
gasti gaston gately gatlin gatot gaughan gaurang gaurangi gaurav gauri gaurika gautam gautami gauthier gavaghan
gavican gavigan gavin gawati gayathri gaye gayla gayle gaylord gaynard gaynell gaynor geany gearty geary geert geerts
geetika geherty geisler genaro genevieve genoveva geoffrey geoghegan georg george georges georgette georgiana
georgianna georgie georgina geraghty gerald geraldine geraldo geralyn gerard gerardo gerarghty gerber gerd gerhard
geri germaine geronimo gerri gerrit gerry gert gertie gertrud gertrude geza ghaliyati ghani ghose ghosh gianni giblin
gibney gibran gibson gifford gilang gilbane gilberto gilbride gilchrist gilda gildea gilduff giles gilgunn gilhooly
gill gillan gillen gillespie gillette gilley gilliam gillian gillic gillick gilligan gilliland gillooly gilman
gilmartin gilmore gilroy gilsenan gimenez gina ginevan ginn ginnitty ginnity gino ginty giordano giorgio giovanna
giovanni gipson girard girindra girish giron girvan gisbert gisela gisele giselle gita gitte giuseppe giuseppina
givern glaser glavin gleason gleasure gleeson glenda glenn glenna glennon gloria gloster glynn goble godfrey godoy
godwin goetz goforth gogan gogarty goggin gokhale golda goldberg golding goldrick goldstein gole golla gollan gomes
gomez goncalves gonzales gonzalez gonzalo gooch goode gooden goodrich goodson goodwin gopal gordana gordon gorey
gorham gorman gorp gossett goswami gotz gough gould goulden goulding gour goyal gracia gracie graciela grady graeme
graig grainne granados grantham granville grattan grayson grealish greally greaney greco greef greehy greelish greely
greenberg greene greenfield greenlee greer greg gregg gregor gregoria gregorio gregory greiner grenier grennan gresham
greta gretchen grete grethe grewal grier griffen griffin griffith griffiths grigsby grimm griselda grisham grissom
griswold groarke grogan groogan groote grossman grover growney grubb gruber grzegorz guadalupe guajardo gubain gubben
gudrun guenther guerin guerra guerrero guevara guffey guha guido guidry guihan guilfoyle guilherme guillaume guillen
guillermina guillermo guillory guinan guinane guinevan guiney guinn guinnane guinness guiry gulati gulay gulley gunar
gunarto gunawan gunbir gunderson guneet gunhild gunn gunnar gunther gupta gurley gustafson gustafsson gustav gustavo
guthrie gutierrez guyton guzman gwen gwendolyn gwynn haag hackett hadi hadley hafiz hafshah hagan hagen hager haggerty
hahessy hahn haight hailey hairston hairyanto hakan halcomb halder haley halim halima halimah hallahan hallanan halley
hallie hallinan hallissey halloran halpen halpin halverson hamblin hamby hamdani hamer hamilton hamima hamish hamlin
hamm hammett hammond hammonds hammons hampton hamrick hamsini hamzah hanafin hancock handa handayani handley handoko
haney hani hanif hanifah hankard hankins hanley hanlon hanly hannah hanncard hanne hannele hannelore hannes hannigan
hannon hanrahan hanratty hansen hanson harahap harahoe harald haran hardana hardesty hardi hardiansyah hardiman hardin
hardison hardman hardwick haren hargadon hargan hargis hargreaves hargrove hariadi harimurti harinakshi harita hariyah
hariyanto harja harjasa harjaya harjo harjono harkin harkins harlan harland harley harlow harmon harnett haro harold
harper harrell harri harriet harriett harriette harrihy harrington harris harrison harry harsana harsanto harsaya
harshil hartaka hartana hartanto hartati harte harter hartigan hartley hartman hartmann hartnett harto hartono harty
harvey harwood haryadi haryanti haryanto haryono hasan hasanah hasanuddin hasibuan hasim haskell haskins hasna hassan
hassanah hassell hassett hastey hastie hastuti hatchett hatfield hathaway hattie hatton haugen haughey hauser haverty
hawe hawkins hawley hawthorne haydee hayden hayer hayes hayleigh hayley haynes hayre haywood headley headrick heaffy
healey healy heaney heaphy hearn hearne heaton heavey hebert heckett heckman hedda hedderman hedigan hedrick hedwig
heelan heenan heeney heffernan hefferon heffner heffron hefner hegarty hegde heggarty hehir heidi heim hein heino
heinrich heinz helen helena helene helery helga helge hellen helton hely hema hemang hemangini hemani hempenstall
hemphill henderson hendra hendri hendrick hendricks hendrickson hendrik hendriks hendrix hendro hendry henebry
heneghan henery heney henk henley hennebry hennelley hennelly hennessey hennessy hennigan henning henri henric
henrietta henriette henrik henriksen henriksson henrique henry hensley henson hepenstall heraghty heraty herbert
heredia heri heribert heriberto herity herlambang herlihy herlina herlinda herman hermann hermawan hermelinda herminia
hernan hernandez herndon hernon herrera herrick herrington herrmann herron herschel hershel heru heryanto herzog
heskin heslin hession hester hesti hettie hever hewitt hewson heymans hiatt hibbard hickman hicks hidayah hidayanto
hidayat hidayati higginbotham higgins higgs hightower hilario hilary hilda hilde hildebrand hildegard hildreth hillary
hillen hillery hillevi hilliard hilma himawan hinkle hinojosa hinson hinton hipolito hiral hiram hirsch hishon
hitchcock hite hitesh hitt hoang hoare hoban hobert hobson hodge hodges hodgson hodnett hoey hoff hoffman hoffmann
hofmann hogan hogg hogue holbrook holcomb holger holguin holley holli holliday hollie hollingsworth holloman holloway
holman holmberg holmes holmstrom holohan holst holton honan honeycutt hopkins hopson horace horacio horan horgan horne
hornsby hortencia hortense hortensia horton horvath hosae hosea hosey hoskins hostetler houck houghton houle houlihan
hourican hourigan hourihane howard howarth howell howland howley hoyt hredhaan hritik huang hubbard huber hubert
huddleston hudgins hudson huerta huey huffman huggins hugh hughes hugo hulda hulsey humaira humberto humphrey
humphreys humphries hundley huntley hurd hurtado husein husna hussain hussein hussey huston hutagalung hutapea
hutasoit hutcherson hutchings hutchins hutchinson hutchison hutson hutto hutton huynh hwang hyatt hyde hyland hyman
iago iain ian ibarra ibnu ibrahim ibrani icha ida idella idika idris iglesias ignac ignacio igoe igor ihsan ijaya ika
ikbal ikhsan ikin ikshita ildiko ileana ilene iliana ilija ilona ilsa ilse ilyas imaran imelda imke imogene imran imre
imron inaya indali indira indra indrajit indrawan indriani indriyani inez inge ingeborg inger inglis ingmar ingoldsby
ingram ingrid inman intan iola iolanda iona ione iqbal ira irawan irawati irby irena irfan iriana irina irizarry irma
irnanto irsad irvin irvine irving irwan irwansyah irwin irya isaac isaacs isaacson isabel isabela isabell isabella
isabelle isaiah isaias isbell isha ishaan ishani ishanvi ishita ishwar isiah isidro ismael ismail ismet isom ison
isreal issa issac istiqomah istvan iswahyudi ivan ivana ivanka ivar iversen iverson ivette ivey ivona ivonne iwan
iyengar iyer jacalyn jacek jacinta jacinto jackie jacklyn jackson jaclyn jacob jacobi jacobo jacobs jacobsen jacobson
jacque jacquelin jacqueline jacquelyn jacques jacquline jacquot jada jaeman jagdish jaggi jagrati jagvi jahn jailani
jaiman jaime jaimie jain jairaj jajang jakob jakobsen jakub jalsa jamaal jamal jamalia jamar jame jamel james jameson
jamey jamie jamila jamison jammie jana janaki janani janeen janel janell janelle janet janette janey janice janie
janina janine janis janko janna janne jannette jannie janos jans jansen janssen janssens jansson januar januja janya
jaqueline jaramillo jared jarlath jarno jarod jaroslav jarred jarrell jarrett jarrod jarvis jarwadi jarwi jasmin
jasmina jasmit jason jatin jatmiko jaunita javier jay jayadi jayaraman jayde jayden jayme jayne jayson jazmin jean
jeana jeane jeanetta jeanette jeanie jeanine jeanna jeanne jeannette jeannie jeannine jeet jeevika jeff jefferey
jefferies jeffers jeffery jeffrey jeffries jeffry jefri jelena jelle jemma jena jenelle jenifer jeniffer jennette
jenni jennie jennifer jenniffer jennings jens jensen jerald jeraldine jeramy jere jeremiah jeremy jerilyn jermaine
jernigan jerold jerome jeromy jeronimo jerrell jerri jerrie jerrod jerrold jerry jerzy jesica jesper jesse jessica
jessie jessup jeter jett jettie jewell jewett jhalak jhaveri jiles jill jillian jim jimenez jimmie jimmy jinawi jiri
joachim joakim joan joana joanie joann joanna joanne joao joaquim joaquin jobe jocelyn jochen jodi jodie jody joe joel
joelle joellen joesph joetta joey johal johan johann johanna johanne johansen johansson john johnathan johnathon
johnetta johnie johnna johnnie johnny johnsen johnson johnston johnstone joko jolanda joleen jolene jolley jolynn jon
jonah jonas jonatan jonathan jonathon jones joni jonna jonnie jono joost jordi jordon jordy jorge jorgen jorgensen
joris jorn jose josef josefa josefina josefine joseph josephina josephine josette joshua josiah josip jospeh jost
josue jovanovic jovita joyce joycelyn joyner jozef juan juana juanita judd jude judie judith judson judy juhani jules
julia julian juliana juliane juliann julianna julianne julie julien juliet julieta juliette julijana julissa julius
jumadi jumari junaedi junaidi jung jurado jurgen justin justina justine jusuf juul jyoti kaarina kacey kadakia kahn
kairav kaitlin kaitlyn kalevi kalim kalina kalita kalla kalle kalman kalpit kamal kamaria kambali kamdar kamidin
kamila kaminski kamya kandice kandy kane kangley kani kania kannan kant kapadia kaplan kapoor kardi kare kareem karel
karen karie karim kariman karin karina karissa karja karl karla karlene karley karlo karlsen karlsson karman karnik
karol karolina karoline karolyn karon karpe karr karrie karsana karsten karta kartika karyn karyono kasey kashish
kashvi kashyap kasim kasiran kasiyah kaspar kasper kassandra kasusra katalin katarina katarzyna kate katelyn katerina
katharina katharine katherine katheryn kathi kathie kathleen kathlene kathlyn kathrine kathryn kathryne kathy katie
katina katja katrin katrina katy katz kauffman kaufman kaur kavanagh kavya kawaca kawaya kaye kayla kaylee kayleigh
kazim keady kealan kealey keally kealty kealy keane keaney keany keapock kearney kearns keary keating keaton keaveney
keaveny kecia keefe keefer keeffe keegan keehan keelan keeley keely keenaghan keenahan keenan keene keeney keer keery
keeton keeva kehoe keightley keisha keith kelleher keller kelley kelli kellie kellogg kelly kelsey kelso kelvey kemba
kemper ken kendall kendra kendrick keneth kenlan kenlon kenna kenneally kennedy kennellan kenneth kenney kennith kenny
kenton kenyatta kenyon kenzie keogan keogh keoghan keoghane keohan keohane keown kerin kerins kerley kerlin kermit
kermody kernan kerney kerr kerri kerrigan kerrisk kerstin kerville kerwick kesha keshia kessler kevane keven keville
kevin keya kezia khadija khadijah khairul khairunnisa khalid khanna khare khoirul khosla khurana kiaan kiandra kidd
kiely kiera kieran kierane kierans kiernan kieth kilawee kilbane kilbride kilcoyne kilday kildea kilduff kilfoyle
kilgallen kilgallon kilgore kilhooly kilian kilkenny killian killilea killooly killoran killoughry kilmartin kilmore
kilpatrick kilroe kilroy kim kimball kimberely kimberlee kimberley kimberly kimble kimbrough kimmel kinaghan kinahan
kincaid kinder kiniry kinlan kinlen kinnane kinnear kinnegan kinner kinnerk kinney kinnon kinny kinsella kinsey kirby
kirchner kirke kirkland kirkpatrick kirkwood kirsten kirstie kirstin kirsty kirwan kiser kisha kissane kitson kjell
klaas klara klaudia klaus klein klement kline klotz knapp kneafsey knott knowles knowlton knudsen knutson koch koehler
koen koenig kohler kohli kolar kolb komang komarudin konda konrad koonce koontz kopp korey kornelia korpal kory koshy
koski koster kothari kowalski kozlowski kraig kramer krause krebs kris krish krisha krishna krishnamurthy krishnan
krisna kristan kristanto kristen kristensen kristi kristian kristiani kristiansen kristiawan kristie kristin kristina
kristine kristof kristofer kristoffer kristoffersen kristopher kristy kristyn kritika krueger kruger kruse krystal
krystle krystyna krzysztof kucera kuhn kumar kumer kuncara kuncoro kunda kunkel kunthara kurian kurniasih kurniati
kurniawan kurniawati kurt kurtis kurtz kuruvilla kusmawati kusuma kusumo kuswandari kuswanto kuswoyo kuykendall kyara
kyla kylee kylie kyne kyong kyra kyung laban labbe lacey lachance lacie lacroix ladd ladli ladner ladonna laetitia
lafferty laffey lafleur lage lahey lahiffe lahy laila lailasari laing lajita lakeisha lakesha lakeshia lakisha laksh
lakshit lakshmi laksita laksmi laksmiwati lalita lalla lally lalor lamar lambert lamm lamont lana lande landon landrum
landry landy lanette langan langdon lange langford langley langlois langston lanham lani lanier lanigan lankford lanny
lantz laoise laplante lapointe laporte lappin laquita lara lardner largan largey larissa larkin larose larry lars
larsen larson larue lashanda lashawn lashonda lasmanto lasmono lasse lassiter laswi laszlo latanya latasha latham
latif latika latimer latisha latonia latonya latosha latoya latrice latricia latupono laughlin laura laure laureano
laureen lauren laurence laurens laurent laurenz lauretta laurette lauri laurie lavada lavan lavanya lavell lavelle
lavern laverne laverty lavery lavigne lavin lavina lavinia lavoie lavon lavonda lavonne lawanda lawerence lawler
lawlor lawrence lawson lawton layton lazaro leacy leah leahy leander leandra leandro leann leanna leanne leary leatha
leatrice leavey leavitt leblanc leclair leda ledbetter leddin leddon leddy ledesma ledford ledoux ledwich ledwith
leeann leela leen leena leeney leesa leeuw legawa legg leggett lehane lehman lehmann leif leigh leila leilani leisa
leiva leland lelia lemay lemieux lemmens lemuel lemus lenaghan leneghan lenehan leni lenihan lenn lennane lennart
lennie lennon lenny lenora lenore lentz lenz leo leola leon leona leonard leonardo leonel leonhard leonie leonor
leonora leontina leopold leopoldo leora leota lerma leroy leslee lesley lesli leslie lessie lestari lester letha
leticia letitia lettie leung levan levesque levi levin levine lewandowski lewis leyden leydon leyla leyva lia liam
liane liban libby libni lida liddane liddy lidia lidija lidya liesbeth lightfoot ligia ligon liisa lila lili lilia
lilian liliana liliane lilis lilja lilla lilley lilli lillian lillie lilly limon lin lina linares lind linda lindberg
linde lindfors lindgren lindholm lindley lindner lindquist lindqvist lindsay lindsey lindstrom linehan linette linnane
linnea linnie linny linskey linton lipika lipscomb lisa lisandro lisbeth lise liselotte lisette lissa lissette liston
lita littlefield littlejohn littleton livia livingston liz liza lizabeth lizbeth lize lizette lizzie ljiljana ljubica
lloyd locke lockett lockhart locklear lockwood loffler lofton loghan logsdon logue lohit lola lolita lomax lombardi
lombardo lona lonergan longoria lonnie lonny lopa lopez loraine lorcan lordan loredana lorelei loren lorena lorene
lorenz lorenza lorenzo loretta lori lorie lorinda lorine lorna lorraine lorretta lorri lorrie lott lotta lottie louann
louella loughlin loughnane loughran loughrey loughry louie louis louisa louise lourdes lovato lovejoy lovelace lovell
lovett lovie lowe lowell lowney lowry loyd lozano luana luann luanne lubis luca lucas lucero lucey lucia luciana
luciano lucie lucien lucienne lucila lucile lucille lucinda lucio lucitt lucius luckett lucretia lucy luddy ludmila
ludovic ludovica ludvig ludwig luella lugo luigi luis luisa luise luiza lujan lukas lukita lukman lula lund lundon
lundy lunham lunney lunny lunsford lupita lurhur lutfan lutfi luther luthfi luthra luttrell lutz luwar lyda lyden
lydia lydie lydon lyle lyles lyman lynch lynchechaun lynchehaun lynda lyndon lyndsay lyndsey lyne lynette lyng lynn
lynne lynnette lynsey lynskey lynwood lyons lysaght lytle maaike maanas maanav maarit maarten mabe mabel mable mabry
macadoo macaleavy macallen macaloon macanally macart macarthur macauley macbreen macbride maccaffrey maccann maccartan
maccarthy maccarville macclenaghan maccole maccomisky macconachy macconnaghy maccool maccormack maccurtin macdermott
macdevitt macdonagh macdonald macdonnell macdougall macdowell macdwyer macdyer macedo macegan macelgunn macever
macevoy macfadden macfall macfaull macgee macgeehan macgill macgilligan macging macginley macginnitty macginnity
macginty macgloin macglynn macgovern macgreal macgroarty macguinness macgurk machado machale machelle machenry machugh
macias macinerney macinnes mackay macken mackenna mackenzie mackeown mackesey mackevitt mackey macklin maclean
maclysaght macmahon macmillan macmonagle macmorrow macmullan macmullen macnabb macnaboe macnaboola macnally macnamara
macnamee macneela macneill macnelis macnulty macphilbin macrea macshea macsweeney mactiernan macveagh macveigh
macwilliams madan maddock maddox maddy madeleine madelyn madge madhav madhavi madigan madonna madsen maestas maeve
magan magana magann magar magauran magda magdalena magdalene magee mageean magennis magennity maggie magill maginn
magnus magrath maguire mahajan mahan maharaj mahedy mahendra maher mahfud mahfudz mahieu mahika mahmood mahmoud mahmud
mahon mahoney mahony maia maida maier maimunah mairead mairtin maite majken majorie majumdar makayla malachy malcolm
malcom maldonado malena malgorzata malhotra malia malik malika malin malinda malissa malley mallick mallon mallory
malloy malone maloney malowney malte maman mamat mamie mammen manahan manan manbir mancuso mandal mandasari mander
mandy manfred mangat mangum mangunsong manley mann manne mannion mannix manon mansell mansfield manson mansur manthan
manuel manuela manullang manurung manya manzanares maranda marbun marc marcela marcelina marcelino marcelle marcellus
marcelo marchal marchand marci marcia marcie marcin marcio marcum marcus marcy mardhiyah marek maren margana margaret
margareta margarete margaretha margarette margarito margaux margery margie margit margo margot margret maria mariadi
mariah mariam marian mariana mariann marianna marianne mariano maribel maribeth marica maricela marie mariela marietta
marija marijan marijana marika marilee marilyn marilynn marin marina marino mario marion marisa marisela marisol
marissa marit marita maritta maritza marius mariusz marja marjan marjatta marjorie marjory markey markham marko marla
marleen marlena marlene marley marlina marlo marlon marlow marlowe marlyn marnan marnie marpaung marquerite marquez
marquita marr marren marrero marrinan marroquin marsden marsha marsito marsudi marta martaka martana martani marte
martell martha marthe marti martina martindale martine martinez martino marty martyn martz marva marvin marwata marx
mary maryadi maryam maryann maryanne maryanto maryati marybeth maryellen maryjane maryjo marylee marylin marylou
masruri massey massie massimo masterson matej mateo matheny matheo mathew mathews mathias mathieu mathijs mathilda
mathilde matias matilda matilde matlock mato matson matt matteo matthew matthews matthias matthijs mattie mattingly
mattison mattox mattson mattsson maude maudie maughan maulana mauldin maupin maura maureen maurer maurice mauricio
maurine maurits maurizio mauro maxey maxie maximilian maximiliano maximo maxine maxwell mayasari maybelle mayberry
maye mayer mayfield mayhew mayme maynard mayra mayte mazie mcadams mcafee mcaleavy mcaleenan mcaleer mcalinney
mcalister mcallister mcaloon mcalunny mcanally mcandrew mcanulty mcardle mcareavey mcarthur mcatee mcateer mcauley
mcauliffe mcaveigh mcbee mcbreen mcbride mcbrien mccabe mccadam mccadden mccafferky mccafferty mccaffrey mccaffry
mccahill mccain mccall mccallion mccallum mccann mccardle mccarney mccarra mccarron mccartan mccarte mccarter mccarthy
mccartney mccarty mccarville mccaughan mccaughey mccaul mccauley mccausland mccay mcclain mcclanahan mcclean mcclellan
mcclelland mcclendon mcclintock mccloskey mccloud mcclung mcclure mccluskey mccolgan mccoll mccollam mccollum mccombs
mccomiskey mcconaghey mcconaghy mcconnell mcconnon mccooey mccool mccord mccorkill mccorkle mccorley mccormack
mccormick mccorry mccourt mccoy mccracken mccrann mccrary mccray mccrea mccready mccreanor mccreary mccrory mccrossan
mccrudden mccue mccullagh mcculloch mccullough mccumiskey mccumisky mccune mccurdy mccurley mccurtin mccusker
mccutcheon mcdade mcdaeid mcdaid mcdaniel mcdaniels mcdermod mcdermott mcdevitt mcdonagh mcdonald mcdonnell mcdonough
mcdougal mcdougald mcdowell mcduffie mcdunphy mcdwyer mcdyer mcelduff mcelgunn mcelhattin mcellistrim mcelnay mcelnea
mcelroe mcelroy mcelwaine mcelwee mcenaney mceneaney mcenry mcentaggart mcentee mcevaddy mcevilly mcevoy mcewen
mcfadden mcfall mcfarland mcfarlane mcfaull mcgahey mcgalligly mcgann mcgarraghy mcgarrigle mcgarry mcgarvey mcgauran
mcgaw mcgeady mcgee mcgeehan mcgeoghegan mcgeown mcgerr mcgettigan mcgettrick mcghee mcgill mcgillicuddy mcgilligan
mcgilly mcgilroy mcginley mcginnis mcginnitty mcginty mcgirl mcgirr mcgivern mcglinchey mcglinchy mcgloin mcglynn
mcgoff mcgoldrick mcgonagle mcgough mcgourty mcgovern mcgowan mcgowern mcgrane mcgrath mcgraw mcgreal mcgregor
mcgrenehan mcgrew mcgroarty mcgrory mcgruddie mcgruddy mcguigan mcguill mcguinn mcguinness mcguire mcguirk mcguirl
mcgurk mchale mcharry mchenry mchugh mcildownie mcilroe mcilroy mcilwee mcineely mcinerney mcinnes mcinnis mcintire
mcintosh mcintyre mcivor mckaigue mckay mckee mckeegan mckeever mckelvey mckendry mckeniry mckenna mckenny mckenzie
mckeogh mckeon mckeown mckernon mckevitt mckie mckiernan mckillop mcking mckinley mckinney mckinnon mcknight mclain
mclaughlin mclaurin mclaverty mclean mcleer mcleese mcleigh mclemore mclendon mcleod mcloon mcloone mcloughlin
mcmacken mcmahan mcmahon mcmanus mcmaster mcmenamin mcmillan mcmillen mcmillian mcmonagle mcmorrow mcmullen mcmurray
mcmurrough mcnabb mcnaboe mcnair mcnally mcnamara mcnamee mcnaughton mcnea mcneal mcnealy mcnee mcneely mcneil mcneill
mcnelis mcnevin mcnicholas mcnicholl mcnill mcnulty mcnutt mcpartland mcpartlin mcpartlon mcpherson mcphilbin
mcphillips mcpolin mcquade mcquaid mcqueen mcquilkan mcquillan mcquillen mcquin mcquinn mcrae mcrann mcready mcroarty
mcrory mcshane mcsharry mcsheehy mcswain mcteague mcternan mctiernan mctigue mcvay mcveagh mcveigh mcvey mcvicker
mcvitty mcwalter mcwhorter mcwilliams meabh meade meador meagan meaghan meagher meaney meany meara mechelle medeiros
medina medlin medrano meehan meeker meenaghan meenan meera meg megan megantara megaw megawati megha meghan meghana
mehdi mehigan mehmet meibh meier meike mejia mekhala melady melancon melani melania melanie melba meldon melendez
melia meliana melican melina melinda melisa melissa mellet mellisa mellissa mello mellor melo melodie melonie melony
melva melville melvin melvina memon menard mendenhall mendez mendoza menendez menon menton mercado mercier merckx
meredith merino mernagh merrick merrigan merritt mervin meryl mescall meskill messina metcalf metcalfe mette metz
metzger metzler meutia meyer meyers meza mia miah micael micaela micah micha michael michaela michaels michal michale
michaud micheal micheala michel michele michell michelle michiels michielsen mickey middleton migdalia miguel mijo
mikael mikaela mikayla mike mikel mikkelsen mila milagros milam milburn mildred milena miley milford milica milissa
milka millar millard millea miller millican millicent millie milligan milmo milne milroy mindy minerva minhas minihan
minihane minna minnick minogue minton mintz miquel mira miranda mirco mireles mirella mireya miriam mirian mirja
mirjam mirjana mirko mirna miroslav mirta miscell mishra miskell misra misti mital mitali mitch mitchel mitchell
mitesh mittal mitter mittie mitzi mixon mize mobley mochammad modesta modesto modi mody moeller moffatt moffett moffit
moffitt mohamad mohamed mohammad mohammed mohamud mohan mohanty moher mohini moira mojica molina moller molloy molly
moloney molyneux monaghan monagle monahan mongan monica monika monique moniz monson montague montalvo montanez montano
monteiro montenegro montero montgomery montoya monty moone mooney moore morahan moran morar moreau morehead moreira
morena moreno morey morgan moriarty moritz morley mornane moroney morrell morrill morrin morrison morrissey morten
mortensen morton mosby mose moseley moser moses moshe mosher mosier mosley moulton moura moya moye moyer moylan
moynihan mozelle muchlis mueller mugdha muhaimin muhammad muhammed mukherjee mukhlis mukhopadhyay mulcahy mulcair
muldoon muldowney mulgrave mulgrew mulhare mulhern mulkerrin mullaghan mullaly mullan mullane mullaney mullany
mullarkey mullen muller mullery mullin mullins mullooly mullooney mulloughney mulloy mulqueen mulqueeny mulrain
mulrooney mulroy mulry mulryan mulvany mulvenna mulvey mulvihill mulvin mulvy mulya mulyadi mulyani mulyanto mulyono
muncy muni munir muniz munnelly munoz munroe munson murae murat murdock muriel murillo murnane murnin muro murphy
murray murrell murrihy murry mursinin mursita mursyid murtagh murthy murti murty musgrove musser mustafa mustika
mustofa mutia mutti myers myles myong myra myriam myrick myrna myrtice myrtis nababan nabil nabila nabors nachiket
nadeau nadia nadig nadin nadine nadja nadkarni nadya nafisah nagar nagarajan nagel nagi nagle nagy naidu nainggolan
nair najera najib najmudin najwa nakia naksh nakul nallon nally nalty namaga nanang nance nanci nancy nanda nandini
nanette nangle nanna nannette nanni nannie naoimh naoise naomh naomi napier napitupulu naquin naradi narain narang
naranjo narasimhan narayan narayanan narcisa nardi narji narula narvaez nascimento nashiruddin nasim nasrullah
nasution nasyiah nasyidah natalia natalie natan natanael natarajan natasa natascha natasha natasja nath nathalie
nathan nathanael nathanial nathaniel natividad natsir natt naughton nava navarrete navarro naveen nayak nayar naylor
nazareth nazario nealon neary ned nedra neehan neel neelan neeley neelima neelin neely neenan neff negrete negron neha
neil neilan neilian neill nela nelda nele neligan nelis nell nella nelle nellie nelly nelson nemes nemeth nena nereida
nesbitt nettie neuman neumann neva nevarez nevenka neville nevin newberry newby newcomb newell newkirk newman newsom
newsome neylon nguyen niall niamh nichola nicholas nichole nicholls nichols nicholson nickerson nicki nicklas nickolas
nico nicola nicolai nicolas nicole nicolette nidhi nidia nidra niels nielsen nielson nieto nigam nigel nihal niharika
nika niki nikita nikki niklas niko nikola nikolai nikolaj nikolas nikolaus nikolina niland nilda nilima nilsa nilsson
nimrat nina ninfa ningrum ningsih nino nirja nisa nisha nita nitara nitesh nixon noah noelia noelle noemi nogueira
nola nolan noland nolen nolty noonan noone noor nora norah norbert norberto noreen norene noriega norine norman
normand norris norry norwood novak novi novianti novita novitasari nowak nuala nugent nugraha nugroho nulty nunez nunn
nunne nuraini nurdiyanti nurhaliza nurhayati nuria nurjanah nurlaela nurul nutt nyberg nydia nyhan nyman nyoman oakley
obrien ocampo ocasio ochoa ocie oconnell oconnor octavia octavio odell oden odessa odette odhran odika odom odonnell
oeshi ofelia ogden oglesby ohara ojas ojasvi ojeda okeefe okta oktaviani okto olaf olav olavi oldham oleary olen oleta
olga olimpia olin olivares olivarez oliveira oliver olivera olivia olivie olivier ollie olmstead olsen olson olvera
omaja omalley oman omar omisha omkaar omya oneal oneil oneill onkar ontiveros onveer oommen oona oonagh opan ophelia
opung oralia oran ordonez oreilly orfhlaith orinder orla orlagh orlaigh orlaith ormsby ornelas orosco orourke orozco
orpha orsos ortega ortiz orval orville osborn osborne osburn oscar osgood osha oskar osman osorio ostrander osullivan
osvaldo oswald oswaldo otero otha otilia otis otoole ouellette ouida overstreet overton oviya owen oystein oyvind
pacheco packard padden padgett padilla padmanabhan padmasari padraic padraig padraigin paez pahal paige paiman paine
palacios palan palastri pallavi paloma palomo palumbo pam pamala pamela panchal pandey pandjaitan pandu pandya panfilo
pangestu panini panji pannell pantoja paola pappas paquette paradis paramita pardede pardi paredes parekh parham
parikh parman parmar parmer parnell parra parrish parrott parsa parsons parth partin parwati pasaribu pascale pasquale
paterson pathak patino patla patric patrica patricia patricio patrick patrik patrizia patsy patterson patti pattie
patton paul paula paulette pauley paulina pauline paulsen pauric pauw pauwels pavani pavel pawel paxton payne payton
peachey peadar pearce pearlie pearline pearse pearson peder pedersen pederson pedraza peebles peeples peeters peggie
pekka pelayo pelletier pemberton pender pendergrass pendleton penelope pennell pennie pennington perales peralta percy
perdue perea perez perla permadi permana pero perreault perri perrin pertiwi petar peter petersen peterson petra
pettit pfeiffer pham phan phayre phelan phelps phil philban philbin philip philipp philippa philippe phillip phillips
phillis philomena phipps phuong phylis phyliss phyllis piaras picard pickard pickens pickett pierre pierson pieter
pieters pietro piggott pigott pillai pillay pimentel pineda pinson pinter piotr pippa pitt pittman pizarro plante
platt plunkett pogue pohl poindexter poirier pokorny polanco polly pooja poore porfirio porterfield portillo posada
poston poulin powell powers prabawa prabhakar prabowo prada pradana pradhan pradipta prado prakasa prakash prakosa
pramono pranata pranav pranawa praneel pranit pranoto pranowo prasad prasasta prasetya prasetyo prashad prastuti
pratama prather pratiwi pratt pratyush prawira prayoga prayogo prendergast prescott presley pressley prewitt prial
prichard pricilla pridgen prieto priscilla prisha pritchard pritchett priya priyono proffitt pruett pruitt pryal pryor
puckett pudjiastuti puente puga puig pulido pulliam purcell purnamasari purnawati purnell purnomo purohit purvis
purwadi purwanti purwanto purwono pushti puspasari puspita puspitasari putman putnam putra putri putu pyle qabil qadim
qarin qasim qori quaide qualls qualter queally queenane quentin quesada quezada quigley quigney quillinan quilty
quincy quinlan quinlivan quinn quinney quinny quintana quintanilla quinten quintero quirke quiroz qushi raagini
rabbitte rachael rachana racheal rachel rachelle rachit rachita rachman rachmat racquel rader radford radha
radhakrishnan radhika radika radit raditya rael rafael rafaela rafferty rafi rafid raftery ragan raghav raghavan
ragland ragnar ragnhild ragsdale rahardjo raharja rahayu rahilly rahimah rahmad rahmah rahman rahmat rahmatullah
rahmawati rahmi raight raihan raina rainey raisa rajagopal rajagopalan rajan rajasa rajata rajeshri raju raksha
raleigh ralf ralston rama ramachandran ramadhani ramadhanti ramakrishnan raman ramanathan ramaswamy ramdan ramesh
ramey ramirez ramiro ramlan ramon ramona ramsey ranbir randal randall randell randhawa randolph raney ranganathan
rangel rangga ranveer raol raphael rapp raquel rashad rashida rasmus rasmussen rastogi ratcliff ratih ratliff ratna
ratnasari ratta rattigan raul raval ravi rawley rawlings rayaan rayburn rayel rayford raymon raymond raymundo reade
reagan reardon reavy rebeca rebecca rebekah reddick reddin reddy redican redman redmond reece refi refugio regalado
regan rege reggie regina reginald rehaan reich reichert reichmann reid reidy reilly reinaldo reiner reinhardt
reinhilde reinhold rena renae renaldo renata renate renato renault rendi rendon rendra rendy rene renea renee renehan
renfro renita renner reno renteria respati retha reuben reva reyansh reyes reyna reynaldo reynell reynolds reynoldson
reynoso reza rezky rhatigan rhattigan rhett rhian rhianna rhianne rhiannon rhoades rhoads rhoda rhodes rhonda rhys ria
rian riana ribeiro ricarda ricardo ricci richard richards richardson richelle richey richie richter rickard ricketts
rickie rickman ricky rico riddick ridenour ridhi ridho ridley ridwan rifki riggins rigney rigoberto rika rina rinaldi
rinehart riney rini rinn riordan ripley risa riska riski rita ritchey ritchie ritter rivera rivero riya riyadi riyanti
riyanto rizal rizki rizky rizzo roache roark roarke roarty robb robbie robby roberge roberson robert roberta roberto
roberts robertson robeson robinette robinson robison robledo robson robt roby robyn roca rocco rocha roche rochelle
rocio rockwell rodden roddy roden roderick rodger rodolfo rodrick rodrigo rodrigue rodrigues rodriguez rodriquez
rogelio rogers rogerson rohman roise roisin rojas roland rolanda rolando roldan rolf rolland rollins romana romano
romeo romina romli romo romona romy ron ronald ronan ronayne roney ronith ronja ronna ronnie ronny rooney roos roose
roosevelt rosa rosado rosalba rosalee rosalia rosalie rosalina rosalind rosalinda rosaline rosalva rosalyn rosanna
rosanne rosaria rosas rosaura roscoe rosdiana roseann roseanna roseanne roselyn rosemarie rosen rosenberg rosendo
rosenthal rosetta rosidi rosie rosina rosita roslina roslyn rosman rossi roth rountree rourke roush rousseau rowe
rowell rowena rowland rowley roxana roxane roxann roxanna roxanne roxie roy royce royster roza rozalia ruairi ruane
ruari ruben rubio rubye rudden rudi rudkins rudolf rudolph rudra rudy rueben rufino ruiz rukmana runyon rupert rupp
rusdi rushil ruslan rusman russ russell russo rustam ruthann ruthie rutledge rutten ryan ryle rynn rynne ryszard
saadat saanvi saavedra sabharwal sabir sabri sabrina sacha sachar sachdev sachdeva sachi sadie sadina sadler saefudin
saefullah saenz safina safitri sager saha sahni sahota saiful saini saksham salahudin salazar salcedo salcido saldana
salgado salim salimah salisbury salley sallie sally salma salman salome salsabila salvatore salvi salwa sam samaksh
samantha samarth samatha samesh samiah samir samira sammie sammon sammons samosir sampath sampson samra samsudin
samsul samu samual samuel samuels sanabria sanaya sanborn sanchez sande sanderson sandhu sandi sandlin sandor sandoval
sandra sandro sanford sanghvi sanjuana sanjuanita sankar sankaran sanna sanne santana santosa santoso sanya saoirse
sapp saptono saputra saputri sara sarabia saragih sarah sargent sarin sarita sarma sarsfield sarthak sasha saskia
sasmita sasser sastry sathe sathvik satrio satterfield satya saucedo saucier sauer saul sauls saumya saundra savannah
sawhney saxena saxton saylor scallan scallon scally scanlan scanlon scannell scarborough scarbrough scarlett schaefer
schaeffer schafer schaffer scheer schell schenk scherer schlosser schmid schmidt schmitt schmitz schofield scholz
schott schrader schreiber schroeder schubert schuler schulte schultz schulz schumacher schuster schwab schwartz
schweitzer scollan scott scottie scotty scroggins scruggs scully seally sealy sean seana seanan seaneen seanna searcy
seaton seay sebastiaan sebastian sebastiano sebastien seeley seery segerson segersun segovia segura sehgal seibert
seifert seitz sekhon selby selena selin selina selma sengupta seona sepp septi septian septiani sepulveda serafina
serena sergio serna seshadri sethi setiadi setiawan setiawati setrick setty setya setyawan setyawati setyo severin
severino severson sevim seward sewell seymour shackelford shafer shaffer shaffrey shah shaina shakila shalonda shameka
shamika shana shanahan shanda shane shanell shania shanice shanika shankar shanley shannan shannen shannon shanon
shanta shante shantel shantell shapiro shara sharaf shari sharkey sharla sharlene sharma sharon sharonda sharpe
sharron sharyn shasta shaughnessy shaun shauna shauneen shaurya shawn shawna shayla shayna shayne sheahan sheane
sheedy sheehan sheehy sheena sheeran sheerin sheil sheila sheilds shelby sheldon shelia shelley shelli shellie shelton
shenoy shepard sheppard shere sheree sheri sheridan sherie sherita sherman sheron sherri sherrie sherrill sherrod
sherron sherryl sherwood sheryl shetty shevlin shiela shinn shinta shipley shipp shirlee shirlene shirley shirly
shivani shivansh shockley sholeh shon shona shonda shortt shrader shravya shukla shull shultz shuman shumate siahaan
sianturi sibal sibley siddharth sidhu sidiq sidney siegel sigerson sigler signe sigrid sigurd sihombing sihotang
silalahi siler silje silke silvana silverman silvester silvia silvio simanjuntak simatupang simbolon simic simion
simms simo simon simona simone simons simonsen simpkins simpson sinaga sinan sinclair sinead singhal singletary sinha
sinnott siobhan siofra sirait siregar sisk siska sisson siti sitompul sitorus situmorang siya sizemore sjoblom skally
skeahan skeffington skehan skelton skidmore skivington slagle slamet slamon slavica slavko slevin sloane slocum slowey
slyne smalley smallwood smiley smith smithson smullen smythe sneed sneha snider snodgrass snowden snyder socorro sodhi
soetomo sofia sofie solanki solano soledad soleh solihin soliz solomon solveig soman sommers sondra soni sonia sonja
sonya sood soolaghan sophie soraya sorcha sorensen sorenson soria soriano sorrell sosa sotelo sousa souza sowell
sparkman spaulding spellman spenser spillane spivey spradlin sprague sprouse spruill spurlock sri sridhar srinivas
srinivasan srivastava stacey staci stacia stacie stacy stafford stahl staley stallworth stana stanfield stanislav
stanislaw stanley stanton stapleton starkey starla starr staten staton stauffer staunton stclair stearns steele stef
stefan stefani stefania stefanie stefano steffen steffi steinberg steiner stenson stephaine stephan stephani stephanie
stephany stephen stephenie stephens stephenson stephine stepp steve stevens stevenson stevie stewart stig stijn
stillwell stiltner stina stinnett stinson stjepan stjohn stockton stoddard stoll storey stovall stowe stpierre
stratton strauss streeter strickland strother stuart stubblefield stuckey sturgill suarez suartini subagio subagyo
subekti subramaniam subramanian sudarmono sudarsono sudiati sudibyo sudiksha sudjarwo sugeng suggs sugiarto sugiharto
sugiono sugiyanto sugrue suhani suhardi suharto suhartono suhendra sukarno sulaiman sule sulistiawati sulistyo
sulistyowati sullivan sumarni sumiati summerville sunarto sunaryo sundaram supardi suparman supriadi supriyadi
supriyanto surati suresh surya suryadi suryana suryani suryanto suryatmi suryono susan susana susann susanna susannah
susanne susanti susanto suseno susie susilawati susilo sutanto sutarjo sutedjo sutherland sutrisno sutter sutton
suwandi suwarni suwarno suyanto suyono suzan suzana suzanna suzanne suzette suzie suzy svea sven svendsen svetlana
swafford swaminathan swamy swann swanson swartz sweeney swenson switzer syahputra syahrini syahrul syaiful syamsuddin
syarif syarifah syarifuddin sybil syble sykes sylvia sylvie sylwia synnott tabatha taber tabitha tackett tadeusz tage
taggart tahir talbert talia talley tamanna tamayo tamba tambunan tameka tamela tamera tami tamika tammi tampubolon
tamra tanaka tanay taneja tanesha tangela tangney tania tanika tanish tanisha tanja tanmayi tansey tantri tanveer
tanvi tapani tapio tarihoran tarpey tarsha tarver taryn tasha tasnim tatiana tatjana tatum taufan taufik taufiq
tavares tawana tawanda tawanna tawnya taylor teague teahan teddy tedi teena teerth teguh tehan teixeira tejada tejas
tella tellez tello templeton tena tennant teodor teodora teodoro terence teresa terese teresia teresita teressa ternan
terra terrance terrell terrence terri terrie terry tessa tessie teuku texier thad thaddeus thaker thakkar thaman thanh
thao tharp thayer thea theda thelma theo theodor theodora theodore theresa theresia theron thibault thibaut thibodeau
thibodeaux thierry thigpen thijs thom thomas thomasina thomason thompson thomson thorne thornton thorpe thorsen
thorton thurman thurston thuy tia tiana tiarna tiarnan tibor tidwell tiegan tielemans tiernan tierney tierra tiffani
tiffanie tijerina tika tillery tillie tillman tilton timea timlin timmerman timmermans timmons timmy timo timoney
timony timoteo timothy tina tinney tinsley tipton tira tirado tirtayasa tisdale tisha titin tiwari tjahjono toal
tobias tobin todd togher tohall tolbert toledo toler tolin toliver tolliver tom tomasa tomasz tomeka tomi tomislav
tomlin tomlinson tommie tompkins toney toni tonia tonicha tonja tonny tony tonya toolan toole toolin tooman toomey
toor torben torbjorn tori tormay tormey torpey torre torrence torrens torres torrez torsten tosha toth tove townsend
tracey traci tracie tracy trahan trainor trammell tran trapp trask traylor traynor treacy treadwell treanor trejo
tremblay trena trenor trenton tresa tressa tressie treva trevino trevor tricia trimble trina triono tripathi triplett
tripp tripti trish trisha trista tristan trivedi triveni triya troutman trudy truitt trujillo truman truong tubridy
tucker tuggle tugiman tully tuohey tuohy turley turnbull turpin turvi tutik tuttle tuulikki twila twohey twohig twomey
twyla tynan tyner tyra tyree tyrell tyron tyrrell tyson ubika ucchal uchita ucok udant udarsh udyati ullmann ulrich
ulrik ulrike ulva ulya ulysses umang umar umay umaya unger uniacke uniaque unjani unnati unni upadhriti upadhyay
upasna upchurch upkaar upma uppal upshaw upton urbina urena uribe urishilla urmi urrutia ursula urszula urvashi urvi
usamah usman usyi utami utkarsh utley utomo uwais uyainah vada vaidya vaishnavi vala valadez valarie valdemar valdes
valdez valentim valentina valentino valenzuela valerie valerio valle vallejo valorie valter valverde vamakshi vance
vandyke vanesa vanessa vanhorn vanmeter vann vansha vanya varela varenya varga vargas varghese varkey varma varner
varney varty varughese vasana vasatika vasco vasquez vasudha vaughan vaughn vaught vazquez veale veda vedant vedhika
veerle vega veit velasco velasquez velazquez velda velde velez veli velia velma velva venable venegas venessa venita
venkataraman venkatesh verbeeck verbruggen verda verdugo verena vergara vergie verhoeven verla verma vermeulen vern
verna vernell verner vernice vernie vernita vernon vero verona veronica veronika veronique vervoort vesna vesta vetter
viana vicenta vicente vick vickers vickery vickey vicki vickie vicky vida vidal vidar vidhi vieira viera vihaan vikki
viktor viktoria vilhelm villalobos villanueva villareal villarreal villegas vilma viman vina vinaya vince vincent
vincenzo vinsen vinson violeta violetta viraj virgie virgil virgilio virgina virginie virk virman viswanathan vitale
vito vitor vitoria vittorio vivaan vivi vivian viviana viviane vladimir vlado vogel vogt vohra vonda vonnie vora voss
vrancken vrinda vrishti vritti vyanjana vyas wable wachter waddell wadhwa wadsworth waggoner wagle wagner wahab wahid
wahl wahono wahyu wahyudi wahyudin wahyuni wahyuningsih waida waite wakeeta wakefield wakiman waldemar walden waldo
waldron waldrop walia walker walla wallace walshe walter walton waluyo wanda wang warda wardana wardani wardaya
wardhana wardhani wardoyo warfield warhi warinder warjas warji warsita warsito washburn wasita wason wasson wastuti
wati watika watkins watters wawan waylon wayne weatherford webb webster weiner weinstein weiss welch weldon weller
wendell wendi wendt wendy wentworth werner wertz wesley westbrook westfall westmoreland weston wetzel whalen whaley
wharton whatley wheatley wheaton whelan whelehan whipple whitaker whitcomb whitehouse whitehurst whitfield whitley
whitlock whitman whitmire whitmore whitney whitson whitt whittaker whittington whitty whitworth whyte wibisono wibowo
widiastuti widisha widjaja widodo widya widyastuti wieland wiese wiggins wijaya wijayanti wilbanks wilber wilbert
wilbur wilburn wilcox wilda wilde wiley wilford wilfred wilfredo wilfried wilhelm wilhelmina wilkerson wilkinson willa
willard willem willems willett william williams williamson willian williford willingham willoughby willson wilma
wilmer wilson wilton wimberly winarno winarsih winata winchester winda windham winfield winford winfred winfrey
wingate wingfield winifred winkler winn winnie winnifred winona winslow winstead winston wiranata wirawan wirda wirth
wishi wisnu witherspoon witold witt witte wofford wojciech wolfe wolff wolford womack wong woodall woodard woodley
woodson woodworth wooldridge woolley wooten worden worley worrell worthington woulfe wout wouter wouters wray wrenn
wriddhish wridesh wright wrynn wulan wulandari wulf wyatt wylie wyman wynne wynona xalak xanana xavier xiomara xiong
xiti yachana yadav yadavi yadira yagnesh yago yahvi yahya yaman yamini yance yancey yanez yani yannick yanti yanto
yanuar yara yarbrough yash yashasvi yashawini yashica yashoda yashodhara yashvi yasin yasmin yasmina yasmine yassin
yatan yatin yauvani yayan yazzie ybarra yeager yenni yesenia yessi yetta yildirim yilmaz yngve yochana yoder yogi
yohanes yohannan yolanda yolonda yong yono yosef yoshiko yoshita yost youngblood yount youssef yudha yudhistira yudi
yudistira yulia yuliana yulianti yulianto yuliarti yuliawati yuni yuniar yunita yunus yusron yusuf yutika yuvraj yves
yvette yvonne zacarias zach zacharia zachariah zachary zachery zack zackary zaenab zaenal zahra zaid zaida zainal
zainuddin zaira zaitra zakaria zaki zalindra zamira zamora zane zansi zapata zara zaragoza zarate zarna zashil zavala
zayan zayyan zdenka zdravko zehaan zeigler zelaya zelda zeljko zella zeller zelma zena zenaida zepeda zeynep zhang
ziegler zielinski zilmil zimmer zimmerman zinal zita zizi zlatko zoe zoey zoila zola zoltan zook zora zoraida zoran
zula zulaika zulaikha zulfa zulfikar zulkarnain zulkifli zuniga
"""

_ALSO_WORDS = """
abbas abbey abbott abdi acker ada adan addison ade adelaide adem adika adikara agate agee ahluwalia ailis aisling
akers akin akins alan alanis alannah alba albers alberta alderman alec alexa alexandria alexia alf alfonso alison
allan allene alley allis alma almond alois alpha althea aman amanah amber amble ambrose america ames ami amin amina
ammons among amos amrita anais anas anay anda angel angelica angeline angelique angin anja ann anom ante antero april
archer ardis arenas aria arias ariel arjun armas arroyo art arta artis asa ase ash ashling ashman asia askew asta
asuncion atchison athena ati atma attila august augustus aune aura aurelia aurora austin autumn ava avalos ayers
azalea babu baca bach back backer bacon badal badger bagus bahri baik bail bailey bailie bain baines bains bajaj bakda
bakti bal bala balan balderas bale bales bali ball bancar banda bandi bandy banks bannister barad barb barber barger
baria barker barlow barman barnard barney baron barragan barrios barrow barrows barry barth barton bas basil bass
bateman bates bath batiste batta batten battle battles batts batu bawa baxter bayu bea beach beal beam bean beard
beata beau beaver beavers beck becker beer beers begay beggs begum bela belcher bell bella belle bello belt belton ben
bender benedict benjamin benn bennet bennie benny bera berend berg berger berrios berry bertram beryl besar bess best
bethel betina betts betty beulah bhakta bhandari bhat bibi biggs bilal bill billings bills billy bina binder bir birch
bird birdie birmingham birthe bishop black blackwood blair blake blanca blanch blanco bland blank bliss block blocker
bloom blue blunt bob bobby bobo bock bodkin bogan boggs bolden boles boling bonar bond bonds bone boner bones bonny
booker boon booth bora borders borges boris bosch bose boss boston boucher bounds bourgeois bower bowers bowie bowler
bowles bowling bowman box boyer brad bradford brain branch brand brandy brant bravo bray bree brent bret brett brewer
brewster brick bridge bridges briggs bright brink britt brock brogan brook brookes brooklyn brothers browning bryony
buck bud buddy budiman bull bullock bunch bundy bungo bunting burden burger burgess burgos burks burl burnside burr
burris burrows burt burton busby bush buster bustos butala butcher button butts byers caballero cable caddow cade
cagak cager cain cairn cairns cakrabirawa cakrabuana cakrawala cal calkins call camara cameron camilla camp campos
canada canales candi candida candis candy canning cannon canny canty capa capples capps cara caraka card cardona caren
cari carina carissa carl carlin carlos carlton carman carmine carney carol carolin carolina caroline carpenter carr
carrier carrion carry carton cartwright carty carver caryl cas case cash cass castellanos castle castro catalina cates
catur caudle causey cave celeste celestine cemani cemeti cengkal cengkir cetin chad chalmers chamberlain chambers
champagne champion chance chandler chang chapin char charis charity charlotte chas chase chastity che cheek chelsea
cheng cherry chester chestnut chi childers childs chin chip cho choate chow christen christian chuck chun church cinda
cinta citra clary clay clayton clear clem clement clements cleveland cliff cline clint clinton clive close cloud
clough coates coats cobbs coble coe coffin cogan coker cole coles colin coll colleen colley collier collin colly colon
columbus comber combs comer conal cone conn conner contractor convey cook cooks coombs coon cooper cope cora coral
corinne cornelis cornell corona corral corrie cortez costa cote cotter cotton couch council counts cousins couture
covert cox coy craft crain crandall crane craven crawley creed creel crews crisp crocker croft crook crooks cross
crouch crouse crow crowder cruise crum crump cruse crutcher crystal cully culver cummings cummins currie currier curry
curt cutler cyrus dacin dada dadap dadi dag dagel daily daisy dakota dalal dale dallas dam damar dan dana dang danner
dar dara darby darius darling darwin das dasa dash dass date davenport davy daw dawkins dawn day dayal deacon deal
dean deb debby decker dee deep dees del delap delong delphine demers demi den dena denis dent denver der derrick
destiny dev dewan dexter dey dharma dial diamond dias dick dickens dickey dickie dieter digdaya diggs dill dimas din
dirk divan diver divine dixie dixit dobbin dobbins dobbs dobson doctor dodd dodge dodo doe dolan doll dolly domingo
don dong donna dooley dore dorman dorn doss doty doughty dove dover dow dowd dowdy dower downes downs drake draper
drew dries driver drum drummy dua duane dudley duff dugal duke dukes dumas dunne dunny durant durham dusty dye dyer
dykes earl early earnest east easter easterling eaves eboni ebony echols eddy eden edge edit eimer eja elaine elder
elke ellis elon else emas embuh emery emmet emong england english enos enteng era erdogan eric erika espinal estes eta
ethel eulalia eve evers ewa faber fain fair faith falak falcon fall fanning faraj faras faris farmer farrow faust fawn
fay fee fern ferris ferry field fields filippo finch fine fink firman fish fisher fishman fitch fitri flannelly flavin
fletcher flint flood floor flora florence flores florida florin flowers fogle foody forbes ford foreman forest forman
fort forte fortin fortune forum foster fountain fowler fox foy france frances francisca franco francois franklin
franks frans frazer frederik free freedman freely freeman freitas french fresh friend frost fry fuller funk gabi gable
gabor gada gadang gaddis gade gading gaduh gage gaine gaines gala galak galang galar gale gallant gallegos galloway
galur gaman gamblang gamble ganda gandewa gandi ganga gangsa gangsar gant gantar gara garan garang garda garland
garner garnet garnett garret garrison garth garvey gaskin gaskins gates gatra gay gee geiger gemma gena gene geneva
genta gentile gentry georgia gera gerda german gibbon gibbons gibbs gilbert gilles gillis ging ginger ginny girik gist
givens gladden gladis gladys glass glazier glen glory glover goad goda goddard goel goff goins gola gold golden goldie
goldman goldsmith good goodman goran gore gorevan goss grace graf graff graham grahams grande granger grant graves
gray green greenwood grey grice griffis griggs grimes grooms gross grove groves grubbs guest guna gunning gunter
gussie gusti guy haas habib habibi hacker hackney hadir haggard hai haines haire hakim hal hale hall hallman ham hamel
hammer hamza han hana hanbury hand handy hanes hank hanks hanna hans hara harbin harden harder hardik harding hardy
hare hari haring harini harish harman harms harness harp harsh hart hasil hass hasta hastings hasty hatch hatcher
haugh havens hawes hawk hawks hawthorn hay hays hayward hazel head heard hearty heath heather heck hector hedges
heller helm helms hemal her herb hereward hermans heron herr herring hess hickey hidalgo higdon high hill hillman
hills hilton himes hinds hines hinney histon hobbs holden holder holland hollins hollis holly hollywood holm holt
homer hong hood hook hooker hooks hooper hoover hope hopper hora horak hore horn horner horst hough house houser
houston howe howells hoy hoyle huff hull humes hummel hung hunt hunter hurley hurst hurt hynes ibun idalia ikhlas
ilias imam ina indah india ines inga ingle ireland irene iris irish isa isak isis israel iva ivers ivory ivy jabal
jack jackman jacks jacoby jade jaeger jaga jagapati jagaraga jagat jager jail jais jaka jake jami jamil jan jane janes
jani jari jarl jarwa jasmani jasmine jasper jaswadi jati jaya jayeng jed jefferson jelita jenkins jenna jenny jeri
jess jesus jet jewel jindra job johannes johns joiner jolly jordan josh joshi josie joy juanda juarez judge judi juli
julio june junior justice justus kabir kacung kade kadir kai kaiser kajen kakar kala kale kali kamala kami kamil kanda
kandi kang kapur kara karan kari karimah karma karna karri karsa karya kata kati kaul kay kayun kecil keck keel keeler
keeling keen keener keevers kelvin kemal kemp kenari kenes kennelly kent kenya keri kern kerns kerrie kerry ketut key
keyes keys khalsa khan khatri kia kian kiara kibe kidney killeen king kingsley kingston kip kira kirk kiss kitchen
kitchens kitty knight knoll knox knut kohl koko konstantin kori kornel kota kraft kral kraus krista kristal kuat
kulkarni kurnia kyle labuh lackey lacy lad lai laine laird lake laksana lala lall lam lamb lambe lan lanang lancaster
lance land landa landers landis lane laney lang langgeng lanjar lanka lantar laras large lash laster lata laurel
lavender law lawless laws lay layman layne lazar lazuardi lea leach leal lear lee leech lees lega leger leighton lekha
lela lembah lemon lemons lena lenard lene leone les lesa leta levy liana lien lieve light liles lillis lily lim lima
liman limar lincoln linden linder lindy line link linn lino lintang linus linwood lionel lira little lively llamas
loes loftis loftus logan lois loke london long longan longo loo loomis loon looney loos lopes lora lord lore lotte
love loveless loving low lowery loy loyal luce lucid lucky lue luhung luka luke lulu luluh lulut lumpkin luna lupe
lura lusk luster luwes lyon mac mace mack mackle macon madden made madeline madison madrid madrigal mads mae maes
magnolia mahal mahdi mahesa maheswara mai main maja major majors makara makuta mala mall man manah mand manda mandala
mandi mane mangal mangan mani mannan manning mans manual manus maples mara maras marcel marcella march marco marcos
mare mares marga margarita marge marguerite mari mark marks markus marlies marlin marlys marques marquis marron marry
marsh marshall martel marten martens martin martins marvel mason master masters mata matas mate mateus mathis matos
mats matti mattias matyas maud mavis max maxim may maya mayes mayo mays mead meadows means medley meek meeks mees mei
meister mel mellon melody melton mena mendes mercedes mercer merchant mercy merel merle merlin merrill merry mesa
messer meta mika milan miles milla millet mills milner milo milos milton mimi mims mina mindi miner minh minnie minor
minter miro missy mistry misty mitra moan mock mohr moises mollie mona monk monks monroe monte montes moody moon mora
morales more moreland morin morris morrow morse moss mota motley mott mount mountain moy muir mujur mulder mull
mulligan mullis mumpuni munshi murni muse myron myrtle nada naik najam nalar nan napoleon narpati nary nasab nash nea
neal nee needham ness nestor netra nettles neves new newton ngurah nick nicky nieves nijs nikmat nila nilam niles nils
nix niyaga noa noble nobles noel nona nori norma north norton nova novella noyes nrima numbers nunes nyana nye oak
oakes oaks oates oda odis ogle oisin ole oliphant oliva olivas olive oma omer ona ooms opal ora oren orlando otto
outlaw owens pablo pace pack padma padmi pagan page pages pai painter pak pal pall palla palma palmer palomino panca
pandit pangeran pansy pant paolo parent paris parish park parker parkes parkin parkinson parks parr parris parry
parson partridge pasar pascal pascual pastor pat pate patel paten patience patil patrice patten patty pau paulin paulo
paulson paz peace peacock peak pearl pease peck pedro peek peer peggy pena pence penn penny peoples pepe pepper per
pereira peri perkasa perkins permata perry perryman person pete peterman peters petit petter petty peyton phoebe pia
pickering pierce pike pilar pina pinder pingle pinto piper pipkin pires pitts pius plover plummer poe pointer pol
poland polk pollack pollard pollock ponce pond ponder pons pool poole pope porras porter portia posey post potter
potts power praba prabhu prabu prater prayitna precious prentice preston price pride priest prima prince princess
pringle proctor provost prudence pugh puji pullen puput purdy puri purnama purwa puspa puti putz quarles queen quick
quill quin quinones quintin quinton raden rafter raftis rai rails rainer raines rains raj raja ralph ram ramadan
ramadhan ramos rana rand randi randle randles randy rankin ransom rash rattan ratti rau ravel raven rawls ray raya
rayan rea read reaves reba rector redd redden redding reed reeder reedy reen rees reese reeves register reina reis
reiter rejeki reksa restu reta rex rezeki rhea rice rich richmond rick ricker rickey ricks ridder riddle rider ridge
ridgeway riggs rigsby riley rincon ring rio rios rishi rivas rivers roach rob robbin robbins robin robins robles rock
rocky rod rodgers rodney roe roger rohan roma roman romero rona ronda root roper roque rory rosales rosario rose
rosella rosemary ross rosser rounds rouse rout rowan royal royer rubin ruby rucker rudd ruddy ruff ruffin rufus rune
rush rushing russel rust rusty ruth rutherford ryder sabar sabina sabine sabra sade sagar sage sai said saka sakti
sakura sal salas sales salina salinas salmon salter salvador sama samar sami sammy sample samples sams samson sandal
sander sanders sands sandy sane sang sangha sani sant santa santiago santo santos saors saraf saran sari sarkar sarna
sarraf satria saunders savage savant savoy sawyer sawyers sayers scales schilling schneider schwarz scot scriven
scullion seal seals seaman seamus sears see self sell sellers sells sen serge serra serrano sessions seth setia
setiabudi settle sever sevilla sexton sha shad shade shan shank shanker shanks shanna shanny sharp sharry shaver shaw
shay shea shearer sheets sheffield shell shelly shepherd sherlock sherry sheth shiel shields shiels shin shine shipman
shoemaker shook short shorter shroff shuler sian sibyl sienna sierra sikes sila silas silk silva silver simmon
simmonds simmons sims singer singh singleton siri skaggs skelly skinner skipper slack slade slater slattery slaughter
sledge sloan slone small smalls smart smeets smits smoot smothers smyth snead snell snipes snow soares soekarno sol
sole solis som somers son song sonny soon soos sophia soren soto south southerland southern sowers spain spangler
spann sparks sparrow spear spearman spears speer spence spencer spicer spooner spring springer squires stack staggs
stallings stamper stamps stan stanford staples star stark starks starling starnes steed steen stein stella sten
stephane sterling stern steven steward stiles still stine stock stoices stokes stone stoner story stout stover strain
strand strange street stringer strom strong stroud stubbs stull stump sturgeon styles suci sudirman sue summer summers
sumner sumpter sun sunder sung sunny sunshine supple sur sura suri swain swan swank sweat sweeny sweet swift swisher
swords sydney sylvester tabor tad taft tailor tak talbot tali talwar tam tamar tamara tammie tammy tan tana tandon
tang tanjung tank tanner tanya tapia tara tarak tari tarik tasdik taswir tata tate tea teal ted teel temple tera
terang teri tess thacker thakur thamrin the theres therese thor thorn thrasher tiara tibbs tice tiffany tijs tilde
tilley tim timbul tine tirta titi titus toby tod tolan tomas tome tommy toms toner toolis tor tore toro tory tovar
towns toya travers travis trent trey tri tribble trice trine trinidad trotter trout troy true tuan tubbs tuck tudor
turk turner turney tutty tyler tyrone uda uli ulla umi underhill underwood unggul upik urban usada utama vail valencia
valentin valentine valeria valles van vang varsha vasa vedika veer vela ventura venus vera vest victor victoria
victory vigil villa ville vines vino viola violet virginia vita viva von wacana wade wadi wage wagoner wali wall
waller walling wallis walls wally walsh walters wangi wani wanita ward warden wardi ware warner warren warrior warsa
warta washington wasis waskita waterman waters watson watt watts waugh way wazir weatherly weathers weaver webber
weber weed weeks weems weever weir wellman wells welsh wenzel west wheat wheeler white whited whitehead whiteside
whiting whitlow whitten whittle wicker wicks wild wilder wiles wilkes wilkins wilks will willey willie willis wills
willy windy wing winter winters wira wise wiseman wit withers wolf woo wood woodcock wooden woodrow woodruff woods
woodward woody workman worthy wren wynn xenia yan yang yasti yates yee yoga york young younger zac zak zina zona
"""

SURE = frozenset(_SURE.split())
"""Names that are hardly ever anything else where they are capitalised."""

ALSO_WORDS = frozenset(_ALSO_WORDS.split())
"""Names that are ordinary words, places or products as well ("May", "Will", "Paris", "Hari"): they count only beside
another name, or where something announces one."""
